package SessionCrypto::DeviceBrowser;

# Chromium that binds sessions to its device, with keys in software.
#
#   my $browser = SessionCrypto::DeviceBrowser->new($httpd) or skip 'no such browser', 1;
#   $httpd->start;
#   $browser->open($browser->url('shop.test', '/in?user=joe'));    # as a person who types it
#   $browser->leave;                       # clicks on the link or the button of the page
#   $browser->arrive($url);                # waits for the page to which it leads
#   $browser->shown                        # the lines of t/conf/app.lua: name => value
#   $browser->fetch('/', method => 'POST', body => 'a=b')          # of the page, as `shown`
#   $browser->wait_for('creation', 'shop.test')    # waits for an event, and forgets those before
#   $browser->happenings                   # the events since then, and forgets them
#   $browser->cookie($host, $name)  $browser->drop_cookie($host, $name)
#   $browser->again;                       # ends, and starts with the same profile
#   $browser->close;
#
# Every host of the domain `test` is the server. Each is a site of its own: a browser signs
# six times in nine minutes for a site, so a test takes another host for each case.
#
# An event is a hash: `kind` is creation, refresh, challenge or termination; `host`, `ok`, and
# Chromium's own words in `detail`.

use strict;
use warnings;

use Crypt::Digest::SHA256 qw(sha256);
use JSON::PP              ();
use MIME::Base64          qw(decode_base64 encode_base64);

use SessionCrypto::System ();

use parent 'SessionCrypto::Browser';

# The first version with the protocol of today.
use constant FIRST => 145;

# Without the first feature, only the hardware of a device keeps keys.
use constant FEATURES => 'EnableBoundSessionCredentialsSoftwareKeysForManualTesting,DeviceBoundSessions';

my $json = JSON::PP->new->utf8;

sub new {
    my ($class, $httpd) = @_;
    return $class->_start($httpd,
        '--host-resolver-rules=MAP *.test 127.0.0.1', '--enable-features=' . FEATURES,
        '--ignore-certificate-errors-spki-list=' . _pin($httpd->certificate),
        '--disable-background-networking', '--disable-component-update');
}

sub _start {
    my ($class, $httpd, @words) = @_;
    my $self = $class->SUPER::new($httpd->dir, @words) or return;
    @$self{qw(httpd words happenings)} = ($httpd, \@words, []);
    my ($version) = $self->call('Browser.getVersion')->{product} =~ m{/(\d+)};
    return $self->close if $version < FIRST;
    $self->call('Network.enable');
    $self->call('Network.enableDeviceBoundSessions', enable => JSON::PP::true);
    return $self;
}

# The digest of a certificate's key, by which Chromium trusts it.
sub _pin {
    my ($certificate) = @_;
    my $key = SessionCrypto::System::run('openssl', 'x509', '-in', $certificate, '-pubkey', '-noout');
    my ($der) = $key =~ /-----BEGIN PUBLIC KEY-----(.*?)-----END/s or die "no key: $key\n";
    return encode_base64(sha256(decode_base64($der)), '');
}

sub again {
    my ($self) = @_;
    $self->call('Browser.close');
    $self->close;
    return ref($self)->_start($self->{httpd}, @{ $self->{words} });
}

sub url {
    my ($self, $host, $path) = @_;
    return "https://$host:" . $self->{httpd}->port . $path;
}

# Clicks on the link or the button of a page.
sub leave {
    my ($self) = @_;
    delete $self->{frame};
    $self->run("document.querySelector('a, button').click()");
    return;
}

# Reads until a page is there.
sub arrive {
    my ($self, $url) = @_;
    $self->_read until ($self->{frame}{url} // '') eq $url && $self->{loaded}{ $self->{frame}{loaderId} };
    return;
}

sub shown { return _lines($_[0]->run('document.body.innerText')) }

sub fetch {
    my ($self, $path, %options) = @_;
    my $options = JSON::PP->new->encode(\%options);
    return _lines($self->run(<<"END"));
fetch('$path', $options)
    .then((answer) => answer.text())
    .then((text) => new DOMParser().parseFromString(text, 'text/html').body.innerText)
END
}

sub _lines { return { $_[0] =~ /^(\w+): ?(.*)$/mg } }

sub happened {
    my ($self, $event, $params) = @_;
    $self->{frame} = $params->{frame} if $event eq 'Page.frameNavigated' && !$params->{frame}{parentId};
    if ($event eq 'Network.deviceBoundSessionEventOccurred') {
        my ($kind) = map { /^(\w+)EventDetails$/ } keys %$params;
        push @{ $self->{happenings} }, {
            kind => $kind, host => $params->{site} =~ s{^\w+://}{}r, ok => $params->{succeeded} ? 1 : 0,
            detail => $json->canonical->encode($params->{"${kind}EventDetails"}),
        };
    }
    return $self->SUPER::happened($event, $params);
}

sub happenings {
    my ($self) = @_;
    # Events that are on their way come before the answer.
    $self->run('0');
    return splice @{ $self->{happenings} };
}

sub wait_for {
    my ($self, $kind, $host) = @_;
    while (1) {
        while (my $event = shift @{ $self->{happenings} }) {
            return $event if $event->{kind} eq $kind && $event->{host} eq $host;
        }
        $self->_read;
    }
}

sub cookie {
    my ($self, $host, $name) = @_;
    my ($cookie) = grep { $_->{name} eq $name }
        @{ $self->call('Network.getCookies', urls => [$self->url($host, '/'), $self->url($host, '/session-device/')])->{cookies} };
    return $cookie;
}

sub drop_cookie {
    my ($self, $host, $name) = @_;
    $self->call('Network.deleteCookies', name => $name, url => $self->url($host, '/'));
    return;
}

1;
