package SessionCrypto::DeviceRequests;

# The requests of a device that can be made again and again, with the same proofs.
# SessionCrypto::Device makes each once, as a browser does.
#
#   my $device = SessionCrypto::DeviceRequests->new($client, 'P-256', 'user=joe');
#   $device->register  $device->refresh    # the answers
#   $device->token                         # a session of that content, which is bound
#   $device->bound                         # its bound cookie, `name=value`
#
# The server binds sessions at /device, and has its endpoints below /device/end.

use strict;
use warnings;

use SessionCrypto::DeviceKey ();

sub new {
    my ($class, $client, $kind, $session) = @_;
    my $key        = SessionCrypto::DeviceKey->new($kind);
    my $login      = $client->get('/device', 'X-S' => $session);
    my ($offer)    = $login->header('secure-session-registration');
    my $proof      = $key->registration($offer =~ /challenge="([^"]+)"/);
    my $self       = bless { client => $client, register => ['Secure-Session-Response' => $proof] }, $class;
    my $registered = $self->register;
    my ($names)    = map { /\A(__Secure-[^=]*=[^;]*)/ ? $1 : () } $registered->header('set-cookie');
    my ($next)     = ($registered->header('secure-session-challenge'))[0] =~ /\A"([^"]+)"/;
    $self->{refresh} = [Cookie => $names, 'Sec-Secure-Session-Id' => $key->thumbprint, 'Secure-Session-Response' => $key->proof($next)];
    ($self->{bound}) = map { /\A(__Host-[^;]*)/ ? $1 : () } $self->refresh->header('set-cookie');
    $self->{token} = $client->get('/device', Cookie => join '; ', 'session=' . $login->token, $self->{bound})->token;
    return $self;
}

sub register { my ($self) = @_; return $self->{client}->post('/device/end/register', '', @{ $self->{register} }) }
sub refresh  { my ($self) = @_; return $self->{client}->post('/device/end/refresh', '', @{ $self->{refresh} }) }
sub token    { return $_[0]{token} }
sub bound    { return $_[0]{bound} }

1;
