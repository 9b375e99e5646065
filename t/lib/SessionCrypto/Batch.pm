package SessionCrypto::Batch;

# Many requests over one connection, each sent before the former is answered. The server has
# BATCH in its configuration.
#
#   my $batch = SessionCrypto::Batch->new($httpd);
#   my @answers = $batch->ask(['/app', session => $token], ['/app', 'X-S' => 'user=joe']);
#   my ($ones, $others) = ask_each([$one, \@requests], [$another, \@requests]);    # both work at once
#
# Requests and answers are as SessionCrypto::Client has them, and each is a GET unless it has
# a `POST`, whose value is a form.

use strict;
use warnings;

use Exporter qw(import);
use Socket   qw(INADDR_LOOPBACK PF_INET SOCK_STREAM SOL_SOCKET SO_RCVTIMEO SO_SNDTIMEO pack_sockaddr_in);

use SessionCrypto::Client ();

our @EXPORT_OK = qw(BATCH ask_each);

use constant BATCH => "KeepAlive On\nMaxKeepAliveRequests 0\nKeepAliveTimeout 60\n";
# Requests, and their bytes, that are on their way at one time. All answers to them fit into
# the buffers of the socket, so that neither side waits for the other.
use constant { AT_ONCE => 40, MOST_BYTES => 65_536, PATIENCE => 60 };

sub new {
    my ($class, $httpd) = @_;
    return bless { port => $httpd->port, buffer => '' }, $class;
}

sub ask {
    my ($self, @requests) = @_;
    return @{ (ask_each([$self, \@requests]))[0] };
}

sub ask_each {
    my (@parts) = @_;
    my @states = map { { batch => $_->[0], texts => [map { _text(@$_) } @{ $_->[1] }], answers => [] } } @parts;
    while (my @busy = grep { @{ $_->{answers} } < @{ $_->{texts} } } @states) {
        $_->{sent}  = $_->{batch}->_send($_->{texts}, scalar @{ $_->{answers} }) for @busy;
        $_->{batch}->_receive($_->{sent}, $_->{answers}) for @busy;
    }
    return map { $_->{answers} } @states;
}

sub _text {
    my ($path, @headers) = @_;
    my ($method, $form, $text) = ('GET', '', '');
    while (my ($name, $value) = splice @headers, 0, 2) {
        if    ($name eq 'POST')    { ($method, $form) = ('POST', $value) }
        elsif ($name eq 'session') { $text .= "Cookie: session=$value\r\n" }
        else                       { $text .= "$name: $value\r\n" }
    }
    $text .= "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " . length($form) . "\r\n" if $method eq 'POST';
    return "$method $path HTTP/1.1\r\nHost: 127.0.0.1\r\n$text\r\n$form";
}

# Sends the next requests, and returns their number.
sub _send {
    my ($self, $texts, $next) = @_;
    my $bytes = $texts->[$next];
    my $count = 1;
    while ($count < AT_ONCE && $next + $count < @$texts && length($bytes) + length($texts->[$next + $count]) <= MOST_BYTES) {
        $bytes .= $texts->[$next + $count++];
    }
    my $socket = $self->{socket} //= $self->_connect;
    local $SIG{PIPE} = 'IGNORE';
    # A server that refuses a request closes the connection. What it has answered is read.
    for (my $sent = 0; $sent < length $bytes;) {
        $sent += syswrite($socket, $bytes, length($bytes) - $sent, $sent) // last;
    }
    return $count;
}

sub _connect {
    my ($self) = @_;
    socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!\n";
    setsockopt($socket, SOL_SOCKET, $_, pack 'l!l!', PATIENCE, 0) or die "setsockopt: $!\n" for SO_RCVTIMEO, SO_SNDTIMEO;
    connect($socket, pack_sockaddr_in($self->{port}, INADDR_LOOPBACK)) or die "cannot connect to port $self->{port}: $!\n";
    $self->{buffer} = '';
    return $socket;
}

# Reads so many answers, or as many as there are before the server closes the connection. A
# request after those is sent again; one that is never answered has the status 0.
sub _receive {
    my ($self, $count, $answers) = @_;
    for my $number (1 .. $count) {
        my $text = $self->_answer;
        if (!defined $text) {
            close delete $self->{socket};
            push @$answers, SessionCrypto::Response->parse('') if $number == 1;
            return;
        }
        push @$answers, my $answer = SessionCrypto::Response->parse($text);
        if (grep { lc eq 'close' } $answer->header('connection')) {
            close delete $self->{socket};
            return;
        }
    }
    return;
}

# The text of the next answer, with a body that has no chunks.
sub _answer {
    my ($self) = @_;
    my $end;
    while (($end = index $self->{buffer}, "\r\n\r\n") < 0) { $self->_read or return undef }
    my $head = substr $self->{buffer}, 0, $end + 4, '';
    my $body = '';
    if ($head =~ /^Content-Length: (\d+)/mi) {
        while (length $self->{buffer} < $1) { $self->_read or return undef }
        $body = substr $self->{buffer}, 0, $1, '';
    }
    elsif ($head =~ /^Transfer-Encoding: chunked/mi) {
        while (1) {
            my $end;
            while (($end = index $self->{buffer}, "\r\n") < 0) { $self->_read or return undef }
            my ($line, $size) = ($end + 2, hex substr $self->{buffer}, 0, $end);
            while (length $self->{buffer} < $line + $size + 2) { $self->_read or return undef }
            $body .= substr $self->{buffer}, $line, $size;
            substr $self->{buffer}, 0, $line + $size + 2, '';
            last if !$size;
        }
    }
    elsif ($head !~ m{\AHTTP/1\.1 (?:1\d\d|204|304)}) {
        while ($self->_read) { }
        ($body, $self->{buffer}) = ($self->{buffer}, '');
    }
    return $head . $body;
}

sub _read {
    my ($self) = @_;
    return sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer};
}

1;
