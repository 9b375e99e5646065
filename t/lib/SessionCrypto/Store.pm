package SessionCrypto::Store;

# A Redis or Valkey of the system, in a process and a directory of the test.
#
#   my $store = SessionCrypto::Store->new;                 # on a free port
#   my $store = SessionCrypto::Store->new(tls => 1, arguments => ['--requirepass', 'secret']);
#   $store->url;                      # redis://127.0.0.1:PORT, rediss://localhost:PORT
#   $store->certificate;              # of a store with TLS, for ca-file=
#   $store->ask('FLUSHALL');          # the answer to a command; of a store without TLS
#   $store->kill; $store->start;      # and it comes back empty
#   $store->freeze; $store->thaw;     # it hangs, and goes on
#
#   $store->expect_in($httpd->log);   # the line of an agent that has read the store
#
#   my $hole = SessionCrypto::Store->black_hole;           # accepts, and never answers

use strict;
use warnings;

use File::Temp qw(tempdir);
use IO::Socket::INET ();
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

use SessionCrypto::Certificates qw(openssl);
use SessionCrypto::Httpd        ();
use SessionCrypto::System       qw(read_file write_file);

use constant START_SECONDS => 20;

my %running;

sub new {
    my ($class, %args) = @_;
    my $self = bless {
        port      => SessionCrypto::Httpd::free_port(),
        dir       => tempdir('storeXXXXXX', DIR => SessionCrypto::Httpd::env('WORK')),
        arguments => $args{arguments} // [],
        tls       => $args{tls},
    }, $class;
    $self->_make_certificate if $self->{tls};
    $self->start;
    return $self;
}

# The kernel accepts connections for a listener that does not look at them.
sub black_hole {
    my ($class) = @_;
    my $socket = IO::Socket::INET->new(Listen => 100, LocalAddr => '127.0.0.1', LocalPort => 0)
        or die "no free port: $!\n";
    return bless { port => $socket->sockport, socket => $socket }, $class;
}

sub expect_in {
    my ($self, $log) = @_;
    $log->expect(qr/\[session_crypto:info\] .* rediss?:\S+:$self->{port}\S* has \d+ ended sessions/, 'an agent has read the store');
    return;
}

sub port        { return $_[0]{port} }
sub certificate { return "$_[0]{dir}/certificate.pem" }

sub url {
    my ($self, $login) = @_;
    $login = defined $login ? "$login\@" : '';
    return $self->{tls} ? "rediss://${login}localhost:$self->{port}" : "redis://${login}127.0.0.1:$self->{port}";
}

sub start {
    my ($self) = @_;
    my ($program, $name) = program();
    my @port = ('--port', $self->{tls} ? 0 : $self->{port});
    push @port, '--tls-port', $self->{port}, '--tls-auth-clients', 'no', '--tls-cert-file',
        $self->certificate, '--tls-key-file', $self->certificate
        if $self->{tls};
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        open STDOUT, '>', "$self->{dir}/log";
        open STDERR, '>&', \*STDOUT;
        my @words = ($name, @port, '--bind', '127.0.0.1', '--dir', $self->{dir}, '--save', '',
            '--appendonly', 'no', @{ $self->{arguments} });
        exec {$program} @words or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    $running{$pid} = $self;
    my $deadline = time + START_SECONDS;
    until (IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port})) {
        die "$program does not listen\n" if time > $deadline || waitpid($pid, WNOHANG) == $pid;
        sleep 0.02;
    }
    return $self;
}

sub kill {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    delete $running{$pid};
    CORE::kill(KILL => $pid);
    waitpid $pid, 0;
    return;
}

sub freeze { CORE::kill(STOP => $_[0]{pid}); return }
sub thaw   { CORE::kill(CONT => $_[0]{pid}); return }

# Asks a store without TLS and without a password. Lists and errors are flat texts.
sub ask {
    my ($self, @words) = @_;
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}, Timeout => 5)
        or die "store: $!\n";
    print {$socket} '*' . @words . "\r\n", map { '$' . length($_) . "\r\n$_\r\n" } @words;
    return _answer($socket);
}

sub _answer {
    my ($socket) = @_;
    my $line = <$socket> // die "the store does not answer\n";
    my ($kind, $text) = $line =~ /^(.)(.*)\r\n/ or die "not an answer: $line\n";
    if ($kind eq '$') {
        return undef if $text < 0;
        read $socket, my $bytes, $text + 2;
        return substr $bytes, 0, $text;
    }
    return map { _answer($socket) } 1 .. $text if $kind eq '*';
    return $text;
}

# The program, and the name under which it is a server: in Debian's redis-tools, which
# starts no service, it has the name of another one.
sub program {
    for my $kind (qw(redis valkey)) {
        for my $name ("$kind-server", "$kind-check-rdb") {
            for my $path (grep { -x } map {"$_/$name"} split /:/, $ENV{PATH}) {
                return ($path, "$kind-server");
            }
        }
    }
    die "neither Redis nor Valkey is installed: run tools/deps test\n";
}

sub _make_certificate {
    my ($self) = @_;
    my $file = $self->certificate;
    openssl(qw(req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -batch -days 1),
        '-keyout', "$file.key", '-out', "$file.crt", '-subj', '/CN=store',
        '-addext', 'subjectAltName=DNS:localhost');
    write_file($file, read_file("$file.crt") . read_file("$file.key"));
    return;
}

END {
    my $status = $?;
    for my $store (values %running) {
        $store->thaw;
        $store->kill;
    }
    $? = $status;
}

1;
