package SessionCrypto::BoundSessions;

# Servers that bind sessions to devices, with a clock of the test, and thefts of cookies.
#
#   my $site = SessionCrypto::BoundSessions->new('name', "more lines", wrong => [0, 5]);
#       # a server for each number, whose clock is wrong by so many seconds; one, without `wrong`
#   my ($owner, $stolen) = $site->theft;    # SessionCrypto::Device, and copies of its cookies
#   $site->told_to(@$stolen{qw(marked second)})    # what each mode says, such as 'bbb'
#   $site->device($answer)                  # 'bound', 'unbound', 'refused'; '' without a session
#   $site->wait($seconds);  $site->time     # as all clocks have it
#   $site->httpd  $site->client  $site->stop  $site->log_is_clean
#   $site->servers
#
# The paths of a server that are named after a mode have it; all others have `enforce`.
#
# A stolen cookie is `name=value`: `before` and `marked`, the session before and with its mark;
# `first` and `second`, the bound cookie of the registration and that of the refresh; `key`.
# `value` takes the name away.

use strict;
use warnings;

use Exporter qw(import);

use SessionCrypto::Device  ();
use SessionCrypto::Httpd   ();
use SessionCrypto::Preload qw(preload);

our @EXPORT_OK = qw(BOUND KEY REFRESH REGISTER SESSION value);

use constant { SESSION => 'session', BOUND => '__Host-session-device', KEY => '__Secure-session-device-key' };
use constant { REGISTER => '/session-device/register', REFRESH => '/session-device/refresh' };
use constant MODES => qw(offer enforce required);

sub new {
    my ($class, $name, $config, %args) = @_;
    my $self = bless { wrong => $args{wrong} // [0] }, $class;
    push @{ $self->{servers} }, SessionCrypto::Httpd->new(
        name => $name, tls => 1, echo => '^/(?!session-device|sign-out)', config => _config($config)) for @{ $self->{wrong} };
    $self->_set_clocks(0);
    local $ENV{LD_PRELOAD} = preload($self->httpd->dir, 'clock');
    for my $server ($self->servers) {
        local $ENV{SESSION_CRYPTO_CLOCK} = $server->dir . '/clock';
        $server->start;
    }
    return $self;
}

sub _config {
    my ($more) = @_;
    return <<"END";
SessionCryptoPassphrase passphrase-of-device-tests
SessionCryptoDevice enforce
<Location "/offer">
    SessionCryptoDevice offer
</Location>
<Location "/required">
    SessionCryptoDevice required 60s
</Location>
<Location "/session-device">
    SetHandler session-crypto-device
</Location>
Header always set X-Device "%{SESSION_DEVICE}e"
$more
END
}

sub servers { return @{ $_[0]{servers} } }
sub httpd   { return $_[0]{servers}[0] }
sub client  { return $_[0]->httpd->client }
sub time    { return CORE::time + $_[0]{elapsed} }

sub stop {
    my ($self) = @_;
    $_->stop for $self->servers;
    return;
}

sub log_is_clean {
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    $_->log->clean for $self->servers;
    return;
}

sub wait {
    my ($self, $seconds) = @_;
    $self->_set_clocks($self->{elapsed} + $seconds);
    return;
}

sub _set_clocks {
    my ($self, $elapsed) = @_;
    $self->{elapsed} = $elapsed;
    my @servers = $self->servers;
    $servers[$_]->write_file('clock', $elapsed + $self->{wrong}[$_]) for 0 .. $#servers;
    return;
}

sub theft {
    my ($self) = @_;
    my $owner = SessionCrypto::Device->new(
        servers => [$self->httpd], clock => sub { $self->time }, registers => 0, refreshes => 0);
    my %stolen;
    my $steal = sub { my ($as, $name) = @_; $stolen{$as} = "$name=" . $owner->cookies->value($name); return };
    $owner->get('/', 'X-S' => 'user=joe');
    $steal->(before => SESSION);
    $owner->register;
    $steal->(first => BOUND);
    $steal->(key => KEY);
    $owner->refresh($owner->sessions);
    $steal->(second => BOUND);
    my $device = device($self, $owner->get('/'));
    $device eq 'bound' or die "the session is $device\n";
    $steal->(marked => SESSION);
    $owner->set(refreshes => 1);
    return ($owner, \%stolen);
}

sub value { return $_[0] =~ s/\A[^=]*=//r }

sub device {
    my ($self, $answer) = @_;
    my ($device) = $answer->header('x-device');
    return $device eq '(null)' ? '' : $device;
}

# The first letter of what each mode says to cookies, `-` without a session. A refused session
# is empty but where the mode is `offer`, and is not written.
sub told_to {
    my ($self, @cookies) = @_;
    my $told = '';
    for my $mode (MODES) {
        my $answer = $self->client->get("/$mode", Cookie => join '; ', @cookies);
        my $said = substr $self->device($answer) || '-', 0, 1;
        my $is_in     = $answer->body eq 'user=joe';
        my $should_be = $said =~ /[bu]/ || ($said eq 'r' && $mode eq 'offer');
        $told .= $said;
        $told .= $is_in ? ' but in ' : ' but out ' if $is_in xor $should_be;
        $told .= ' but writes ' if $said eq 'r' && defined $answer->token(SESSION);
    }
    return $told;
}

1;
