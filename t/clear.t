# A session goes out in clear only where no passphrase was ever configured, as with the
# C module. After any failure, nothing is sent.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64);
use Test::More;

use SessionCrypto::Httpd  ();
use SessionCrypto::Levels qw(host);

my @SETTINGS = ('SessionCryptoPassphrase secret', 'SessionCryptoCipher aes128', 'SessionCryptoDigest sha256');

subtest 'no passphrase: as if the module were not there' => sub {
    for my $module (qw(ours c)) {
        my $httpd  = SessionCrypto::Httpd->new(name => "clear_$module", module => $module)->start;
        my $client = $httpd->client;
        is($client->get('/', 'X-S' => 'user=joe')->token, 'user=joe', "$module: is not sealed");
        is($client->get('/', session => 'user=joe')->body, 'user=joe', "$module: is not opened");
        $httpd->stop;
        $httpd->log->clean("$module: nothing unexpected in error_log");
    }
};

subtest 'no passphrase but other settings' => sub {
    my $httpd = SessionCrypto::Httpd->new(config => join "\n", @SETTINGS[1, 2])->start;
    is($httpd->client->get('/', 'X-S' => 'user=joe')->token, 'user=joe', 'is not sealed: no key, as in C');
    $httpd->stop;
    expect_warning($httpd);
    $httpd->log->clean;
};

# Every way to spread three settings over five levels that apply to one URL.
subtest 'the settings at any levels' => sub {
    my @levels = qw(vhost directory htaccess location nested);
    my @hosts  = map { my $spread = $_; [map { $levels[$spread / 5**$_ % 5] } 0 .. $#SETTINGS] } 0 .. 124;
    my $httpd  = SessionCrypto::Httpd->new;
    for my $number (0 .. $#hosts) {
        my %lines;
        push @{ $lines{ $hosts[$number][$_] } }, $SETTINGS[$_] for 0 .. $#SETTINGS;
        $httpd->{config} .= host($httpd, $number, \%lines);
    }
    $httpd->start;
    for my $number (0 .. $#hosts) {
        my $client = $httpd->client(host => "case$number");
        my $token  = $client->get('/in/nested/', 'X-S' => 'user=joe')->token // '';
        ok(is_sealed($token), "at @{$hosts[$number]}") or diag("the token is '$token'");
        my $body = $client->get('/in/nested/', session => 'user=mallory')->body;
        is($body, '', 'and a session in clear is not taken');
    }
    $httpd->stop;
    $httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'the session in clear');
    # At startup the module cannot know a passphrase that is in .htaccess.
    expect_warning($httpd);
    $httpd->log->clean;
};

# The URL of an error page or a subrequest may have other settings than the URL asked
# for. The session that is sent is that of the request.
subtest 'error pages and redirects' => sub {
    my $httpd = SessionCrypto::Httpd->new(config => <<'END')->start;
<Location /sealed>
    SessionCryptoPassphrase secret
</Location>
<Location /sealed/denied>
    Require all denied
    ErrorDocument 403 /sealed/page
</Location>
Alias /sealed/alias @DIR@/htdocs
END
    my $client = $httpd->client;
    my $token  = $client->get('/sealed/page', 'X-S' => 'user=joe')->token // '';
    ok(is_sealed($token), 'a page');
    for my $path ('/sealed/denied', '/sealed/alias') {
        my $res = $client->get($path, 'X-S' => 'user=joe', session => $token);
        my $sent = $res->token;
        ok(!defined $sent || is_sealed($sent), "$path") or diag("the token is '$sent'");
    }
    $httpd->stop;
    $httpd->log->expect(qr/AH01630/, 'the page that is denied');
    $httpd->log->clean;
};

subtest 'a session that cannot be sealed' => sub {
    my $httpd  = SessionCrypto::Httpd->new(config => 'SessionCryptoPassphrase secret')->start;
    my $client = $httpd->client;
    my $res    = $client->get('/', 'X-S' => 'user=' . 'x' x 1_500_000);
    my $token  = $res->token;
    ok(!defined $token || is_sealed($token), 'a session of 1.5 MB is sealed, or not sent');
    is($client->get('/', 'X-S' => 'user=joe')->status, 200, 'the server is still there');
    $httpd->stop;
    ok(scalar $httpd->log->lines(qr/session not sealed, and not saved: the session is larger than 524288 bytes/), 'error_log says why');
    $httpd->log->expect(qr/\[session(_crypto)?:error\] .*\[client /, 'the session was too large');
    $httpd->log->clean;
};

done_testing;

sub is_sealed {
    my ($token) = @_;
    return $token =~ m{^[A-Za-z0-9+/]{64,}=*$} && decode_base64($token) !~ /user=joe/;
}

sub expect_warning {
    my ($httpd) = @_;
    $httpd->log->expect(qr/\[session_crypto:warn\] .* does nothing, and sessions go out in clear/, 'settings and no passphrase');
    return;
}
