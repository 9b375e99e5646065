package SessionCrypto::Connection;

# A connection that is kept alive, with one request after another, as a browser has it.
#
#   my $connection = SessionCrypto::Connection->new($httpd);
#   my $answer = $connection->get('/app', session => $token);
#   my $answer = $connection->request('POST', '/end', '', session => $token);
#   $connection->again    # requests that it has sent once more: a hash of counts
#
# Requests and answers are as SessionCrypto::Client has them. The status is 0 if the server
# closed the connection without a whole answer.
#
# A server that restarts closes connections between two requests, and may do so when the next
# one is on its way. If no byte of an answer has come, and the connection was used before, a
# browser sends the request once more, and so does this client (`used`). It does the same on a
# new connection, for the reason that SessionCrypto::Client gives (`new`). With `asks_again => 0`
# it never does.

use strict;
use warnings;

use parent 'SessionCrypto::Batch';

use Errno qw(EAGAIN);

sub new {
    my ($class, $httpd, %args) = @_;
    my $self = $class->SUPER::new($httpd);
    return bless { %$self, asks_again => 1, %args, again => { used => 0, new => 0 } }, $class;
}

sub again { return $_[0]{again} }

sub get { my ($self, $path, @headers) = @_; return $self->request('GET', $path, undef, @headers) }

sub request {
    my ($self, $method, $path, $body, @headers) = @_;
    if ($method eq 'POST') {
        # A body has a length of its own.
        my %headers = @headers;
        delete $headers{'Content-Length'};
        @headers = (%headers, POST => $body // '');
    }
    my $text = SessionCrypto::Batch::_text($path, @headers);
    my $answer = $self->_attempt($text);
    while (my $reason = $self->_reason_to_ask_again($answer)) {
        $self->{again}{$reason}++;
        $answer = $self->_attempt($text);
        last if $reason eq 'new';
    }
    return $answer;
}

sub _attempt {
    my ($self, $text) = @_;
    $self->{was_used} = $self->{is_used} && $self->{socket};
    $self->{received} = 0;
    $self->_send([$text], 0);
    $self->_receive(1, \my @answers);
    $self->{is_used} = $answers[0]->status && $self->{socket};
    return $answers[0];
}

# Nothing, if there is an answer or the beginning of one.
sub _reason_to_ask_again {
    my ($self, $answer) = @_;
    return if $answer->status || $self->{received} || !$self->{asks_again};
    return $self->{was_used} ? 'used' : 'new';
}

sub _read {
    my ($self) = @_;
    my $count = $self->SUPER::_read;
    die "no answer within @{[SessionCrypto::Batch::PATIENCE]} s\n" if !defined $count && $! == EAGAIN;
    $self->{received} += $count // 0;
    return $count;
}

1;
