# A request may lead to others: an index of a directory, an included page, an error document.
# A session that one of them refuses because of its device is not seen there, though another
# one has let it in. Its owner is let in by all of them, and none sees the cookies of devices.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Device ();
use SessionCrypto::Httpd  ();

use constant { SESSION => 'session', BOUND => '__Host-session-device' };
use constant MODULES => qw(mime dir negotiation include rewrite);

my @missing = grep { !SessionCrypto::Httpd::has_module($_) } 'ssl', MODULES;
plan(skip_all => "this httpd has no mod_$missing[0]") if @missing;

my $CONFIG = <<'END';
SessionCryptoPassphrase passphrase-of-device-tests
SessionCryptoCipher aes-256-gcm
SessionCryptoDevice enforce
TypesConfig /dev/null
<Directory "@DIR@/htdocs">
    Options +Includes +MultiViews
    AddType text/html .shtml
    AddOutputFilter INCLUDES .shtml
    DirectoryIndex page.shtml
</Directory>
<Location "/session-device">
    SetHandler session-crypto-device
</Location>
<Location "/offer">
    SessionCryptoDevice offer
</Location>
<Location "/off">
    SessionCryptoDevice off
</Location>
<LocationMatch "^/(?:offer|off)/page">
    SessionCryptoDevice enforce
</LocationMatch>
<Location "/ahead">
    RewriteEngine On
    RewriteCond %{LA-U:ENV:HTTP_SESSION} (.+)
    RewriteRule .* - [E=AHEAD:%1]
</Location>
END

# What a page sees: the session, what it is told of the device, and the names of cookies.
my $PAGE = <<'END';
<!--#if expr="v('HTTP_COOKIE') =~ /__Host/" --><!--#set var="MORE" value="more" --><!--#else --><!--#set var="MORE" value="" --><!--#endif -->
<!--#echo var="HTTP_SESSION" -->|<!--#echo var="SESSION_DEVICE" -->|<!--#echo var="AHEAD" -->|<!--#echo var="MORE" -->
END

my $httpd = SessionCrypto::Httpd->new(name => 'device-chain', tls => 1, one_child => 1, echo => '^/$', with => [MODULES], config => $CONFIG);
$httpd->write_file("htdocs/$_/page.shtml", $PAGE) for qw(strict offer off ahead);
$httpd->write_file("htdocs/$_/plain.shtml", $PAGE) for qw(strict offer off);
for my $outer (qw(strict offer off)) {
    $httpd->write_file("htdocs/$outer/with-$_.shtml", qq($PAGE<!--#include virtual="/$_/plain.shtml" -->$PAGE)) for qw(strict offer off);
}
$httpd->start;

my $device = SessionCrypto::Device->new(servers => [$httpd]);
$device->get('/', 'X-S' => 'user=joe');
$device->get('/') for 1 .. 2;
my @owner = map { $_ . '=' . $device->cookies->value($_) } SESSION, BOUND;

my ($in, $bound, $tolerated, $none, $refused) = ('user=joe', 'user=joe|bound', 'user=joe|refused', 'user=joe|', '|refused');
for (
    ['/strict/page.shtml',         [$bound],                 [$refused]],
    ['/strict/',                   [$bound],                 [$refused]],
    ['/strict/page',               [$bound],                 [$refused]],
    ['/offer/plain.shtml',         [$bound],                 [$tolerated]],
    ['/offer/page.shtml',          [$bound],                 [$refused]],
    ['/offer/',                    [$bound],                 [$refused]],
    ['/offer/page',                [$bound],                 [$refused]],
    ['/off/plain.shtml',           [$none],                  [$none]],
    ['/off/page.shtml',            [$bound],                 [$refused]],
    ['/off/',                      [$bound],                 [$refused]],
    ['/strict/with-offer.shtml',   [($bound) x 3],           [($refused) x 3]],
    ['/strict/with-strict.shtml',  [($bound) x 3],           [($refused) x 3]],
    ['/offer/with-strict.shtml',   [($bound) x 3],           [$tolerated, $refused, $tolerated]],
    ['/offer/with-offer.shtml',    [($bound) x 3],           [($tolerated) x 3]],
    ['/off/with-strict.shtml',     [$none, $none, $none],    [$none, $refused, $none]],
    ['/ahead/page.shtml',          ["$bound|$in"],           [$refused]],
) {
    my ($path, $owner, $thief) = @$_;
    is_deeply(seen($path, @owner), $owner, "$path: the owner");
    is_deeply(seen($path, $owner[0]), $thief, "$path: a thief");
}

$httpd->stop;
$httpd->log->expect(qr/SC0821: session (?:not )?refused/, 'a session without its device');
$httpd->log->clean;
done_testing;

# What each page of an answer sees. Where sessions are bound, none has a cookie of devices.
sub seen {
    my ($path, @cookies) = @_;
    my $body = $httpd->client->get($path, Cookie => join '; ', @cookies)->body;
    my @pages;
    for my $line ($body =~ /^(.*\|.*)$/mg) {
        my ($session, $told, $ahead, $more) = map { s/\A\(none\)\z//r } split /\|/, $line, -1;
        my $page = "$session|$told";
        $page .= "|$ahead" if $ahead ne '';
        $page .= " and $more" if $more ne '' && $told ne '';
        push @pages, $page;
    }
    return \@pages;
}
