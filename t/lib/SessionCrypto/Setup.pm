package SessionCrypto::Setup;

# Which httpd the tests run, and with which modules.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(find_httpd write_modules);

my @MODULES = qw(
    authn_core authz_core authn_file authz_user authz_host auth_form request
    alias env headers lua session session_cookie session_dbd dbd unixd
);

# What apxs says: `apxs`, `httpd` (the program) and `modules` (the directory).
sub find_httpd {
    my ($apxs) = grep { my $path = $_; defined $path && length $path && !system "command -v '$path' >/dev/null 2>&1" }
        $ENV{APXS}, 'apxs', 'apxs2'
        or die "apxs not found: install apache2-dev, or say where it is in APXS\n";
    $apxs = qx(command -v '$apxs');
    chomp $apxs;
    my $query = sub { my $value = qx('$apxs' -q $_[0] 2>/dev/null); chomp $value; $value };
    my %httpd = (
        apxs    => $apxs,
        httpd   => $query->('sbindir') . '/' . $query->('progname'),
        modules => $query->('libexecdir'),
    );
    -x $httpd{httpd} or die "no httpd at $httpd{httpd}, where $apxs says: install apache2-bin\n";
    eval { require Apache::TestRun } or die "no Apache::Test: install libapache2-mod-perl2\n";
    return %httpd;
}

# Writes the part of an httpd.conf that every server of the tests shares. What
# the httpd at hand has built in or does not have is not in the directory.
sub write_modules {
    my ($path, $httpd, $mpm) = @_;
    open my $file, '>', $path or die "$path: $!\n";
    for my $name ("mpm_$mpm", @MODULES) {
        my $so = "$httpd->{modules}/mod_$name.so";
        print {$file} qq(LoadModule ${name}_module "$so"\n) if -e $so;
    }
    # Small, so that each test meets every child.
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

1;
