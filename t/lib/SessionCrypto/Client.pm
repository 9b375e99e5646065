package SessionCrypto::Client;

# An HTTP client that sends exactly the bytes it is given. LWP and HTTP::Tiny are of no
# use here: they refuse or repair what an attacker would send.
#
#   my $client = SessionCrypto::Client->new(port => 8080);
#   my $res = $client->get('/app', session => $token, 'X-S' => 'user=joe');
#   my $res = $client->request('PUT', '/app', undef, 'X-S' => 'user=joe');
#   $res->status  $res->body  $res->header('location')  $res->token  $res->text
#
# `session` is the value of the session cookie; any other name is a header. A body is a
# form, unless there is a Content-Type among the headers. With `tls`, the name of a file with
# the server's certificate, it speaks TLS.
#
# A client that asks beside graceful restarts has `asks_again => 1`. httpd's event MPM may
# close a connection that it has accepted, without a look at it: a worker that has called
# itself idle ends before it takes the connection from the queue, because event.c counts only
# connections that a worker has taken (worker_thread_should_exit_early). Without any module
# of ours and with a pause of up to 20 ms in that place, 79 of 541,916 requests had no answer
# beside 873 restarts. Browsers ask once more, and so does this client. A child that dies has
# its line in the log all the same.

use strict;
use warnings;

use IO::Handle ();
use Socket     qw(INADDR_LOOPBACK PF_INET SOCK_STREAM pack_sockaddr_in);

use SessionCrypto::Waiting qw(PATIENCE);

use constant TIMEOUT => 30 * PATIENCE;

sub new {
    my ($class, %args) = @_;
    return bless {%args}, $class;
}

# Whether this client asks once more where it gets no answer.
sub asks_again {
    my ($self, $whether) = @_;
    $self->{asks_again} = $whether;
    return;
}

sub get  { my ($self, $path, @headers) = @_; return $self->request('GET', $path, undef, @headers) }
sub post { my ($self, $path, $body, @headers) = @_; return $self->request('POST', $path, $body, @headers) }

sub request {
    my ($self, @request) = @_;
    my $res = $self->_ask(@request);
    return $res->status || !$self->{asks_again} ? $res : $self->_ask(@request);
}

# Asks with HTTP/1.0, so that the body ends with the connection and has no chunks.
sub _ask {
    my ($self, $method, $path, $body, @headers) = @_;
    my $request = "$method $path HTTP/1.0\r\nHost: " . ($self->{host} // '127.0.0.1') . "\r\n";
    while (my ($name, $value) = splice @headers, 0, 2) {
        ($name, $value) = (Cookie => "session=$value") if $name eq 'session';
        $request .= "$name: $value\r\n";
    }
    if (defined $body) {
        $request .= "Content-Type: application/x-www-form-urlencoded\r\n" if $request !~ /^Content-Type:/mi;
        $request .= 'Content-Length: ' . length($body) . "\r\n";
    }
    $request .= "\r\n" . ($body // '');

    my $answer = eval {
        # A server that refuses a request may close before it has read all of it.
        local $SIG{PIPE} = 'IGNORE';
        local $SIG{ALRM} = sub { die "no answer within @{[TIMEOUT]} s\n" };
        alarm TIMEOUT;
        my $socket = $self->{tls} ? $self->_connect_with_tls : $self->_connect;
        print {$socket} $request;
        $socket->flush;
        local $/;
        <$socket>;
    };
    my $error = $@;
    alarm 0;
    die $error if $error;
    return SessionCrypto::Response->parse($answer // '');
}

# IO::Socket::INET would take longer than httpd does.
sub _connect {
    my ($self) = @_;
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
    connect($socket, pack_sockaddr_in($self->{port}, INADDR_LOOPBACK))
        or die "cannot connect to port $self->{port}: $!\n";
    return $socket;
}

# OpenSSL's form of a server's certificate, which takes longer than a request.
my %trusting;

sub _connect_with_tls {
    my ($self) = @_;
    require IO::Socket::SSL;
    my ($host) = ($self->{host} // '127.0.0.1') =~ /^([^:]+)/;
    # This one certificate is right, whatever the host is called.
    my $context = $trusting{ $self->{tls} } //=
        IO::Socket::SSL::SSL_Context->new(SSL_ca_file => $self->{tls}, SSL_verifycn_scheme => 'none')
        // die "cannot trust $self->{tls}: $IO::Socket::SSL::SSL_ERROR\n";
    return IO::Socket::SSL->new(
        PeerAddr => '127.0.0.1', PeerPort => $self->{port}, SSL_reuse_ctx => $context,
        # The name of a virtual host. An address is none.
        SSL_hostname => $host =~ /[a-z]/ ? $host : '',
    ) || die "cannot connect to port $self->{port}: $IO::Socket::SSL::SSL_ERROR\n";
}

package SessionCrypto::Response;

# `status` is 0 if the server closed the connection without an answer.
sub parse {
    my ($class, $text) = @_;
    my ($head, $body) = split /\r\n\r\n/, $text, 2;
    my ($first, @lines) = split /\r\n/, $head // '';
    my %header;
    for (@lines) {
        my ($name, $value) = /^([^:]+):\s*(.*)$/s or next;
        push @{ $header{ lc $name } }, $value;
    }
    my ($status) = ($first // '') =~ m{^HTTP/1\.[01] (\d{3})};
    return bless { status => $status // 0, header => \%header, body => $body // '', text => $text }, $class;
}

sub status { return $_[0]{status} }
sub body   { return $_[0]{body} }

# All bytes of the answer.
sub text { return $_[0]{text} }

# All values of a header.
sub header { return @{ $_[0]{header}{ lc $_[1] } // [] } }

# The session cookie that this answer sets: undef if it sets none, '' if it removes the
# cookie.
sub token {
    my ($self, $name) = @_;
    $name //= 'session';
    for ($self->header('set-cookie')) {
        return $1 if /^\Q$name\E=([^;]*)/;
    }
    return undef;
}

1;
