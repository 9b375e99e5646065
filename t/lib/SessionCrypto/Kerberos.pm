package SessionCrypto::Kerberos;

# A realm of Kerberos: a KDC of the system on loopback, with its files in a directory.
#
#   need_kerberos();                                     # or skip all tests
#   my $realm = SessionCrypto::Kerberos->new("$dir/kdc");
#   $realm->add('HTTP/127.0.0.1', keytab => "$dir/http.keytab");    # a service
#   $realm->add('joe', password => 'secret');            # a user
#   $realm->log_in('joe', 'secret');                     # curl --negotiate uses the ticket
#   $realm->log_out;
#   $realm->stop;
#
# Programs of Kerberos, and servers, find the realm through %ENV.

use strict;
use warnings;

use Exporter         qw(import);
use File::Path       qw(make_path);
use IO::Socket::INET ();
use POSIX            ();
use Test::More       ();

use SessionCrypto::Httpd   ();
use SessionCrypto::System  qw(need_program read_file run write_file);
use SessionCrypto::Waiting qw(wait_until);

our @EXPORT_OK = qw(need_kerberos);

use constant { NAME => 'SESSIONS.TEST', SECONDS => 20 };

my %running;

sub need_kerberos {
    need_program('krb5kdc',      'krb5-kdc');
    need_program('kadmin.local', 'krb5-admin-server');
    return if SessionCrypto::Httpd::has_module('auth_gssapi');
    Test::More::plan(skip_all => 'this httpd is not of the distribution, and has no mod_auth_gssapi') if $ENV{APXS};
    my $policy = qx(apt-cache policy libapache2-mod-auth-gssapi 2>/dev/null);
    Test::More::plan(skip_all => 'no package here has mod_auth_gssapi') if $policy !~ /^  Candidate: [0-9]/m;
    die "no mod_auth_gssapi: install libapache2-mod-auth-gssapi\n";
}

sub new {
    my ($class, $dir) = @_;
    make_path($dir);
    my $self = bless { dir => $dir }, $class;
    $ENV{PATH}             = "$ENV{PATH}:/usr/sbin:/sbin";
    $ENV{KRB5_CONFIG}      = "$dir/krb5.conf";
    $ENV{KRB5_KDC_PROFILE} = "$dir/kdc.conf";
    $ENV{KRB5CCNAME}       = "FILE:$dir/tickets";
    $ENV{KRB5RCACHEDIR}    = $dir;
    # Between finding a free port and listening on it, another may take it.
    for my $attempt (1 .. 5) {
        $self->_write_conf(SessionCrypto::Httpd::free_port());
        run(qw(kdb5_util create -s -r), NAME, '-P', 'master') if $attempt == 1;
        return $self if $self->_start;
    }
    die 'no KDC: ', read_file("$dir/kdc.log");
}

sub _write_conf {
    my ($self, $port) = @_;
    my ($dir, $realm) = ($self->{dir}, NAME);
    $self->{port} = $port;
    write_file("$dir/krb5.conf", <<"END");
[libdefaults]
    default_realm = $realm
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    $realm = {
        kdc = 127.0.0.1:$port
    }
END
    write_file("$dir/kdc.conf", <<"END");
[kdcdefaults]
    kdc_listen = 127.0.0.1:$port
    kdc_tcp_listen = 127.0.0.1:$port
[realms]
    $realm = {
        database_name = $dir/principal
        key_stash_file = $dir/stash
        acl_file = $dir/acl
        max_life = 1h
    }
[logging]
    kdc = FILE:$dir/kdc.log
    admin_server = FILE:$dir/kadmin.log
END
    return;
}

sub _start {
    my ($self) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', "$self->{dir}/kdc.output";
        open STDERR, '>&', \*STDOUT;
        exec 'krb5kdc', '-n', '-r', NAME or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    $running{$pid} = $self;
    my $has_ended = 0;
    wait_until(sub {
        $has_ended = waitpid($pid, POSIX::WNOHANG) == $pid;
        return $has_ended || IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
    }, SECONDS) or die "the KDC does not listen\n";
    return 1 if !$has_ended;
    delete $running{ delete $self->{pid} };
    return 0;
}

sub add {
    my ($self, $principal, %args) = @_;
    my @key = defined $args{password} ? ('-pw', $args{password}) : ('-randkey');
    run(qw(kadmin.local -r), NAME, '-q', "addprinc @key $principal");
    run(qw(kadmin.local -r), NAME, '-q', "ktadd -k $args{keytab} $principal") if $args{keytab};
    return;
}

sub log_in {
    my ($self, $user, $password) = @_;
    run('sh', '-c', 'printf "%s\n" "$1" | kinit "$2"', 'sh', $password, $user);
    return;
}

sub log_out { run('kdestroy'); return }

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    delete $running{$pid};
    kill TERM => $pid;
    waitpid $pid, 0;
    return;
}

END {
    my $status = $?;
    $_->stop for values %running;
    $? = $status;
}

1;
