# The page of session-crypto-status in a browser: a screen reader finds each part by its name,
# all text has contrast with light and with dark colours, and the page fits a telephone.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Browser ();
use SessionCrypto::Httpd   ();
use SessionCrypto::KeySets qw(key key_set);

# WCAG 2.2, 1.4.3.
use constant CONTRAST => 4.5;

my $httpd = SessionCrypto::Httpd->new(name => 'status-page', echo => '^/(?!status)', config => <<'END');
SessionCryptoKeyFile keys.jwks
SessionCryptoRevocation on
<Location "/status">
    SetHandler session-crypto-status
    Session Off
</Location>
END
my $browser = eval { SessionCrypto::Browser->new($httpd->dir) };
die $@ if $@;
plan(skip_all => 'this system has no chromium') if !$browser;

my $now = time;
$httpd->write_file('keys.jwks',
    key_set(key('ended', exp => $now - 60), key('old'), key('now', nbf => $now - 60), key('new', nbf => $now + 86_400)), 0600);
$httpd->start;
my $client = $httpd->client;
$client->get('/', session => $client->get('/', 'X-S' => 'user=joe')->token);
$client->get('/', session => 'no token');
my $url = 'http://127.0.0.1:' . $httpd->port . '/status';

# The least contrast of all texts, and the text that has it; the ground of the page.
my $LEAST = <<'END';
(() => {
    const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
    const light = (colour) => {
        const [r, g, b] = numbers(colour).map((part) => part / 255)
            .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (numbers(colour)[3] !== 0) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    let least = [21, ''];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const text = texts.currentNode, element = text.parentElement;
        if (!text.data.trim()) continue;
        const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < least[0]) least = [contrast, text.data];
    }
    return [...least, light(ground(document.body))];
})()
END

for my $scheme (qw(light dark)) {
    $browser->media('prefers-color-scheme' => $scheme);
    $browser->open($url);
    my ($least, $text, $ground) = @{ $browser->run($LEAST) };
    cmp_ok($least, '>=', CONTRAST, "$scheme: least contrast is at '$text'");
    ok($scheme eq 'light' ? $ground > 0.8 : $ground < 0.1, "$scheme: so is the ground");
}

subtest 'names for a screen reader' => sub {
    my @nodes = $browser->tree;
    my %names;
    push @{ $names{ $_->[0] } }, $_->[1] for @nodes;
    like($names{RootWebArea}[0], qr/\AEncrypted sessions on \S/, 'the page');
    is(scalar(@{ $names{main} // [] }), 1, 'the part that counts');
    is_deeply([@{ $names{heading} }[1 .. 6]],
        ['At a glance', 'Keys', 'Sessions', 'Refused sessions', 'This server', 'For programs'], 'headings');
    is_deeply($names{table}, [
        'What each key does, and what to do next', 'Sessions sealed and opened',
        'Opened sessions that were not as they should be', 'Refused sessions, by reason',
        'Failures', 'Work', 'List of ended sessions',
    ], 'tables');
    is_deeply([grep { /\A(?:At a glance|Keys|Sessions|Refused sessions|This server|Table of keys)\z/ } @{ $names{region} }],
        ['At a glance', 'Keys', 'Table of keys', 'Sessions', 'Refused sessions', 'This server'], 'regions');
    is_deeply([@{ $names{columnheader} }[0 .. 5]], ['Key', 'State', 'Next', 'Sealed', 'Opened', 'Last opened'], 'columns');
    like($names{rowheader}[0], qr/\Anow key of a JWK Set, /, 'rows: first the key that seals');
    is_deeply($names{link}, ['JSON', 'Prometheus'], 'links');
    my @nameless = grep { $_->[1] eq '' } grep { $_->[0] =~ /\A(?:table|region|heading|link|rowheader|columnheader)\z/ } @nodes;
    is(scalar(@nameless), 0, 'nothing lacks a name');
};

$browser->width(360);
$browser->open($url);
cmp_ok($browser->run('document.documentElement.scrollWidth'), '<=', 360, 'it fits a telephone');
is_deeply([$browser->complaints], [], 'the browser has nothing to complain about');

$browser->close;
$httpd->stop;
$httpd->log->expect(qr/session_crypto:info\] .*session refused/, 'the token that is none');
$httpd->log->expect(qr/a stop of the server forgets ended sessions/, 'a list without a file');
$httpd->log->clean;

done_testing;
