package SessionCrypto::Setup;

# Finds the httpd that the tests run, lists the modules that it loads, finds free ports, and an
# unprivileged user to be in place of root.

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Find qw(find);
use IO::Socket::INET ();

our @EXPORT_OK = qw(find_httpd free_port give_to unprivileged write_modules);

my @UNPRIVILEGED = qw(nobody www-data);

my @MODULES = qw(
    authn_core authz_core authn_file authz_user authz_host auth_form request
    alias env headers lua session session_cookie session_dbd dbd unixd
);

# The answers of apxs/find: `apxs`, `httpd` (the program) and `modules` (the directory).
sub find_httpd {
    my $find = abs_path(dirname(__FILE__) . '/../../../apxs/find');
    my %httpd = map { /^(\w+)=(.*)$/ ? ($1, $2) : () } qx('$find' apxs httpd modules);
    $? == 0 or die "no httpd to test with: its words are above\n";
    return %httpd;
}

# Writes the part of an httpd.conf that every server of the tests shares. It leaves out
# modules that are not in the directory: this httpd has them built in, or not at all.
sub write_modules {
    my ($path, $httpd, $mpm) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    for my $name ("mpm_$mpm", @MODULES) {
        my $so = "$httpd->{modules}/mod_$name.so";
        print {$file} qq(LoadModule ${name}_module "$so"\n) if -e $so;
    }
    # Few children, so that each test meets every child.
    print {$file} <<'END';
StartServers 2
MaxRequestWorkers 24
<IfModule mpm_prefork_module>
    MinSpareServers 2
    MaxSpareServers 4
</IfModule>
<IfModule !mpm_prefork_module>
    ThreadsPerChild 8
    MinSpareThreads 8
    MaxSpareThreads 24
</IfModule>
END
    close $file or die "$path: $!\n";
    return;
}

# A port of 127.0.0.1 that is free now. Connections get their local ports from 32,768 on. A
# lower port stays free while a server that stops is to start again on it, and no process
# that tries to reach that server meanwhile connects to itself.
sub free_port {
    for (1 .. 100) {
        my $port = 10_000 + int rand 22_000;
        return $port if IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1', LocalPort => $port);
    }
    die "no free port: $!\n";
}

# The user who runs the servers in place of root.
sub unprivileged {
    for my $name (@UNPRIVILEGED) {
        my (undef, undef, $uid, $gid) = getpwnam $name or next;
        return { name => $name, uid => $uid, gid => $gid };
    }
    die "neither user @UNPRIVILEGED exists: run this as an ordinary user\n";
}

# Gives a tree to a user.
sub give_to {
    my ($user, $dir) = @_;
    find({ no_chdir => 1, wanted => sub { chown $user->{uid}, $user->{gid}, $_ } }, $dir);
    return;
}

1;
