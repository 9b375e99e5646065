# `httpd -t` refuses lines about devices with which no session could be bound, browsers would
# run out of signatures, or sessions would come without the cookie of their device. The
# message says what to write instead. What an administrator has to write is two lines and a
# section.

use strict;
use warnings;

use File::Basename qw(dirname);
use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(HTACCESS host inside is_quiet is_wrong line_of);

use constant PASSPHRASE => 'SessionCryptoPassphrase "a passphrase that is long"' . "\n";
use constant ENDPOINTS  => inside('Location /session-device', 'SetHandler session-crypto-device');
use constant PROXY      => "ServerName https://shop.example\n";
# All that sessions of devices need but the line that binds them.
use constant AROUND     => PROXY . PASSPHRASE . ENDPOINTS;

my $COOKIE = '"Path=/; Secure; HttpOnly; SameSite=Lax"';

# Lines, and words of the message.
my @WRONG = (
    (map { ["SessionCryptoDevice $_", "'$_' is none of 'off', 'offer', 'enforce' and 'required'", "write 'offer' first"] } qw(on always bound)),
    ['SessionCryptoDevice ""',                   "'' is none of"],
    ['SessionCryptoDevice',                      'SessionCryptoDevice takes an argument'],
    ['SessionCryptoDevice required 60s 60s',     'takes 2 arguments and no more'],
    (map { ["SessionCryptoDevice $_ 60s", "'60s' does nothing, because '$_' lets sessions in", "write 'required 60s'"] } qw(off offer enforce)),
    (map { ["SessionCryptoDevice required $_", "'$_' is no lifetime", 'write a number and its unit'] } qw(1m soon -1)),
    (map { ["SessionCryptoDevice required $_", "'$_' is not from 10s to 1h", 'until then a stolen session works'] } qw(0 9s 3601s 20000d)),
    (map { ["SessionCryptoDevicePath $_", "'$_' is not the path of a section", 'as /session-device'] }
        '/', 'device', '/device/', '//device', '/a/../device', '/a%2fb', '/a;b', 'https://shop.example/device', '/' . 'a' x 250),
    (map { [qq(SessionCryptoDeviceCookie "$_"), "'$_' is no name of a cookie", 'as __Host-session-device'] } '', 'a b', 'a=b', 'a;b', 'a' x 65),
    (map { [qq(SessionCryptoDeviceCookie device "$_; Secure; HttpOnly; SameSite=Lax"), 'only Path, Secure, HttpOnly and SameSite', qq(write $COOKIE)] }
        'Path=/; Max-Age=60', 'Path=/; Partitioned', 'Path=shop', 'Path', 'Path=/; Expires=0'),
    ['SessionCryptoDeviceCookie device "Path=/; Secure; HttpOnly; SameSite=some"', 'only Path, Secure'],
    ['SessionCryptoDeviceCookie device "Secure; HttpOnly; SameSite=Lax"',          'the attributes lack Path=/', "write $COOKIE"],
    ['SessionCryptoDeviceCookie device "Path=/; HttpOnly; SameSite=Lax"',          'the attributes lack Secure'],
    ['SessionCryptoDeviceCookie device "Path=/; Secure; SameSite=Lax"',            'the attributes lack HttpOnly'],
    ['SessionCryptoDeviceCookie device "Path=/; Secure; HttpOnly"',                'the attributes lack SameSite=Lax'],
    ['SessionCryptoDeviceCookie device "Path=/; Domain=shop.example; Secure; HttpOnly; SameSite=Lax"', 'to one host', 'take Domain out'],
    (map { [qq(SessionCryptoDeviceCookie $_ "Path=/shop; Secure; HttpOnly; SameSite=Lax"), "browsers refuse $_ with another path", 'begins with __Secure-'] }
        '__Host-device', '__host-device', '__Host-Http-device'),
    ["SessionCryptoDeviceCookie device $COOKIE more",  'takes 2 arguments and no more'],
    (map { ["SessionCryptoDeviceLifetime $_", "'$_' is shorter than 5min", 'six times in nine minutes', 'write 10min'] } qw(0 60s 299s)),
    (map { ["SessionCryptoDeviceLifetime $_", "'$_' is longer than 1h", 'copied cookies work for as long', 'write 10min'] } qw(3601 2h 1d 5000d)),
    (map { ["SessionCryptoDeviceLifetime $_", "'$_' is no lifetime"] } qw(10m 10minutes)),
    ['SessionCryptoDeviceLifetime 10min 20min', 'one argument'],
    (map { [qq(SessionCryptoDeviceInitiators "$_"), "'$_' is no host", 'as login.example'] }
        '', 'https://login.example', 'login.example:443', 'login.example/', '*.', 'a..example', 'login.*', '**', 'a b', 'a.' x 130),
    ['SessionCryptoDeviceInitiators ' . 'a.example ' x 33, 'more than 32 hosts'],
);

my $httpd = SessionCrypto::Httpd->new(name => 'startup-device');
for (@WRONG) {
    my ($line, @words) = @$_;
    $httpd->{config} = AROUND . "$line\n";
    is_wrong($httpd, length $line > 100 ? substr($line, 0, 100) . '...' : $line, @words);
}

my @RIGHT = (
    (map { "SessionCryptoDevice $_" } qw(off offer enforce required Enforce), 'required 10s', 'required 2min', 'required 1h', 'required 3600'),
    (map { "SessionCryptoDevice offer\n$_" }
        'SessionCryptoDevicePath /session-device', 'SessionCryptoDeviceCookie device', "SessionCryptoDeviceCookie __Host-device $COOKIE",
        'SessionCryptoDeviceCookie __Secure-device "secure;httponly;samesite=none;path=/;"',
        (map { "SessionCryptoDeviceLifetime $_" } qw(300 5min 10min 1h)),
        'SessionCryptoDeviceInitiators *', 'SessionCryptoDeviceInitiators login.example *.shop.example 127.0.0.1'),
);
for my $lines (@RIGHT) {
    $httpd->{config} = AROUND . "$lines\n";
    is_quiet($httpd, $lines =~ s{\n}{, }gr);
}

# Lines that go together, or do not. A comment stands before the line at fault.
my $wrong  = "# wrong:\n";
my $device = "SessionCryptoDevice enforce\n";
my $shop   = "SessionCryptoDevicePath /shop/device\n";
my $other  = 'SessionCryptoPassphrase "another passphrase that is long"' . "\n";
sub at { return inside("Location $_[0]", $_[1]) }
sub handler { return at($_[0], 'SetHandler session-crypto-device') }

my %TOGETHER = (
    'no passphrase'                       => [PROXY . ENDPOINTS . $wrong . $device, 'binds nothing, and sessions go out in clear', 'SessionCryptoKeyFile'],
    'no passphrase in a location'         => [AROUND =~ s/^SessionCryptoPassphrase.*\n//mr . at('/shop', $wrong . $device), 'in clear'],
    'no TLS'                              => [PASSPHRASE . ENDPOINTS . $wrong . $device, 'binds nothing without TLS', 'in the server configuration', "write 'SSLEngine on' there", 'ServerName https://NAME', "or 'Session Off' where it only redirects"],
    'no TLS in a host'                    => [PROXY . PASSPHRASE . ENDPOINTS . host($wrong . $device), 'binds nothing without TLS', 'in the virtual host at line'],
    'the protocol of HTTPS without mod_ssl' => ["Protocol https\n" . PASSPHRASE . ENDPOINTS . $wrong . $device, 'binds nothing without TLS'],
    'a port of HTTPS without mod_ssl'     => ["Listen 127.0.0.1:443 https\n" . PASSPHRASE . ENDPOINTS . $wrong . $device, 'binds nothing without TLS'],
    'no endpoints'                        => [PROXY . PASSPHRASE . $wrong . $device, 'nothing answers browsers', "write 'SetHandler session-crypto-device' in a section <Location \"/session-device\">"],
    'endpoints elsewhere'                 => [PROXY . PASSPHRASE . handler('/device') . $wrong . $device, 'nothing answers browsers', '"/session-device"'],
    'endpoints at the default path'       => [AROUND . $wrong . $device . $shop, 'nothing answers browsers', '"/shop/device"'],
    'one endpoint alone'                  => [PROXY . PASSPHRASE . handler('/session-device/register') . $wrong . $device, 'nothing answers browsers'],
    'endpoints without their handler'     => [AROUND . at('/session-device/refresh', 'SetHandler none') . $wrong . $device, 'nothing answers browsers'],
    'endpoints in another host'           => [PASSPHRASE . host(PROXY . ENDPOINTS) . host(PROXY . $wrong . $device), 'nothing answers browsers'],
    'endpoints outside of the section'    => [AROUND . at('/shop', $wrong . $device), 'other settings of devices', 'SessionCryptoDevicePath'],
    'endpoints that are switched off'     => [AROUND . at('/session-device', 'SessionCryptoDevice off') . $wrong . $device, 'other settings of devices'],
    'endpoints with other keys'           => [AROUND . at('/shop', $wrong . $device . $other) . $device, 'have other keys'],
    'endpoints without keys'              => [PROXY . ENDPOINTS . at('/shop', PASSPHRASE) . at('/session-device', "Session Off\n$device") . at('/shop', $wrong . $device), 'have other keys'],
    'endpoints with another purpose'      => [AROUND . $device . "SessionCryptoCipher aes-256-gcm\n" . at('/shop', "${wrong}SessionCryptoPurpose shop\n"), 'have other keys', -1],
    'endpoints with another cookie'       => [AROUND . $device . at('/shop', "SessionCryptoDeviceCookie device\n"), 'other settings of devices', -1],
    'endpoints with another lifetime'     => [AROUND . $device . at('/shop', "SessionCryptoDeviceLifetime 20min\n"), 'other settings of devices', -1],
    'endpoints with other initiators'     => [AROUND . $device . at('/shop', "SessionCryptoDeviceInitiators login.example\n"), 'other settings of devices', -1],
    'endpoints with a shorter life'       => [AROUND . at('/shop', "SessionCryptoMaxLifetime 8h\n") . "SessionCryptoMaxLifetime 1h\n" . $wrong . $device, 'sessions end sooner at the endpoints below /session-device', 'write its SessionCryptoMaxLifetime'],
    'endpoints with a life of their own'  => [AROUND . at('/session-device', "SessionCryptoMaxLifetime 1h\n") . $wrong . $device, 'sessions end sooner at the endpoints'],
    'endpoints with a date of their own'  => [AROUND . at('/session-device', "SessionCryptoNotBefore 2026-01-01T00:00:00Z\n") . $wrong . $device, 'sessions end sooner at the endpoints', 'SessionCryptoNotBefore'],
    'a line beside the handler alone'     => [PROXY . PASSPHRASE . at('/session-device', "SetHandler session-crypto-device\n${wrong}SessionCryptoDevice enforce\n"), 'stands in the section of the handler alone', 'write it outside of all sections'],
    'the same, without sessions there'    => [PROXY . PASSPHRASE . at('/session-device', "Session Off\nSetHandler session-crypto-device\n${wrong}SessionCryptoDevice enforce\n"), 'stands in the section of the handler alone'],
    'registrations without their handler' => [AROUND . at('/session-device/register', 'SetHandler none') . $wrong . $device, 'nothing answers browsers'],
    'endpoints outside of the directory'  => [AROUND . inside('Directory /srv/shop', $wrong . $device), 'other settings of devices'],
    'a path that nobody binds to'         => [AROUND . $wrong . $shop, 'SessionCryptoDevicePath does nothing', "write 'SessionCryptoDevice offer' beside it"],
    'a handler and no line about devices'  => [PROXY . PASSPHRASE . inside('Location /session-device', "${wrong}SetHandler session-crypto-device"),
        'no line says here whether sessions are bound', "write 'SessionCryptoDevice offer'", "'SessionCryptoDevice off' to end what browsers have bound"],
    'the same for the whole server'       => [PROXY . PASSPHRASE . "${wrong}SetHandler session-crypto-device\n", 'no line says here'],
    'a handler that a host does not bind with' => [PASSPHRASE . host(PROXY . $device . ENDPOINTS)
        . host(inside('Location /session-device', "${wrong}SetHandler session-crypto-device")), 'no line says here'],
    'a lifetime in the wrong section'     => [AROUND =~ s/\A/at('\/blog', $wrong . "SessionCryptoDeviceLifetime 20min\n")/er . at('/shop', $shop . $device) . handler('/shop/device'), 'SessionCryptoDeviceLifetime does nothing'],
    'a lifetime in the wrong host'        => [AROUND . host(PROXY . $device) . host("${wrong}SessionCryptoDeviceLifetime 20min\n"), 'SessionCryptoDeviceLifetime does nothing'],
);
for my $name (sort keys %TOGETHER) {
    my ($lines, @words) = @{ $TOGETHER{$name} };
    # The line at fault is the one that binds, and another one differs.
    if ($words[-1] eq '-1') {
        pop @words;
        $lines = $lines =~ s/\Q$wrong\E//gr =~ s/\Q$device\E/$wrong$device/r;
    }
    $httpd->{config} = $lines;
    is_wrong($httpd, $name, @words);
}

# mod_ssl is there, and no certificate has to be for a check.
my $ssl = 'LoadModule ssl_module ' . dirname(SessionCrypto::Httpd::module_path('c')) . "/mod_ssl.so\n";
$httpd->write_file('cert.pem', "a certificate\n");
my %FINE = (
    'two lines and a section'             => AROUND . $device,
    'TLS here'                            => $ssl . "SSLEngine on\n" . PASSPHRASE . ENDPOINTS . $device,
    'TLS in a host'                       => $ssl . PASSPHRASE . ENDPOINTS . host("SSLEngine on\n$device"),
    'TLS around hosts'                    => $ssl . "SSLEngine on\n" . PASSPHRASE . ENDPOINTS . host($device),
    'optional TLS'                        => $ssl . "SSLEngine optional\n" . PASSPHRASE . ENDPOINTS . $device,
    'a certificate at a port of HTTPS'    => $ssl . "Listen 127.0.0.1:443\nSSLCertificateFile cert.pem\n" . PASSPHRASE . ENDPOINTS . $device,
    'a host without sessions and TLS'     => PASSPHRASE . ENDPOINTS . $device . host(PROXY) . host("Session Off\n"),
    'a host that is switched off'         => PASSPHRASE . ENDPOINTS . $device . host(PROXY) . host("SessionCryptoDevice off\n"),
    'browsers that go on asking'          => PROXY . PASSPHRASE . "SessionCryptoDevice off\n" . at('/session-device', "SetHandler session-crypto-device\n$device"),
    'off without all of that'             => "SessionCryptoDevice off\n" . PASSPHRASE,
    'the way back'                        => "SessionCryptoDevice off\n" . PASSPHRASE . ENDPOINTS,
    'off at the endpoints alone'          => PASSPHRASE . at('/session-device', "SessionCryptoDevice off\nSetHandler session-crypto-device"),
    'a handler around hosts of which one binds' => PASSPHRASE . ENDPOINTS . host(PROXY . $device) . host(PROXY),
    'settings that wait while it is off'  => PASSPHRASE . "SessionCryptoDevice off\n$shop",
    'no sessions'                         => "Session Off\nSessionCryptoDevice enforce\n",
    'a section of its own, with its path' => PROXY . at('/shop', PASSPHRASE . $shop . $device) . handler('/shop/device'),
    'two sections of their own'           => PROXY . at('/shop', PASSPHRASE . $shop . $device) . handler('/shop/device')
        . at('/blog', $other . $device . "SessionCryptoDevicePath /blog/device\n") . handler('/blog/device'),
    'a stricter section'                  => AROUND . "SessionCryptoDevice offer\n" . at('/admin', "SessionCryptoDevice required 30s\nSessionCryptoMaxLifetime 1h\n"),
    'endpoints with a longer life'        => AROUND . $device . "SessionCryptoMaxLifetime 8h\nSessionCryptoNotBefore 2026-01-01T00:00:00Z\n"
        . at('/shop', "SessionCryptoMaxLifetime 1h\nSessionCryptoNotBefore 2026-02-01T00:00:00Z\n"),
    'a section that is switched off'      => AROUND . $device . at('/static', "SessionCryptoDevice off\n"),
    'settings around the sections'        => AROUND . "SessionCryptoDeviceLifetime 20min\n" . at('/shop', $device) . at('/session-device', $device),
    'settings around hosts'               => AROUND . "SessionCryptoDeviceLifetime 20min\n" . host(PROXY . $device) . host("SessionCryptoNotBefore 2026-01-01T00:00:00Z\n"),
    'settings beside it in a directory'   => AROUND . $device . inside('Directory @DIR@/htdocs', "SessionCryptoDeviceLifetime 20min\n"),
    'settings that another section binds with' => AROUND . inside('Directory @DIR@/htdocs', "SessionCryptoDeviceLifetime 20min\n") . at('/shop', $device) . at('/session-device', $device),
    'the same, and a location'            => AROUND . $device . inside('Directory @DIR@/htdocs', "SessionCryptoDeviceLifetime 20min\n") . at('/shop', "SessionMaxAge 1800\n"),
    'all in the document root'            => PROXY . ENDPOINTS . inside('Directory @DIR@/htdocs', PASSPHRASE . $device),
    'both endpoints by themselves'        => PROXY . PASSPHRASE . handler('/session-device/register') . handler('/session-device/refresh') . $device,
    'endpoints by a pattern'              => PROXY . PASSPHRASE . inside('LocationMatch ^/session-', 'SetHandler session-crypto-device') . $device,
    'endpoints for the whole server'      => PROXY . PASSPHRASE . "SetHandler Session-Crypto-Device\n" . $device,
);
for my $name (sort keys %FINE) {
    $httpd->{config} = $FINE{$name};
    is_quiet($httpd, $name);
}

# Cookies of sessions. Lines about them, lines about the device, and words.
my %COOKIES = (
    'a Domain'                  => ['SessionCookieName session path=/;domain=shop.example', '', 'SessionCookieName: browsers prove their device to one host', 'take Domain out'],
    'a Domain, in a database'   => ['SessionDBDCookieName session path=/;Domain=shop.example', '', 'SessionDBDCookieName: browsers prove their device'],
    'SameSite=None'             => ['SessionCookieName session path=/;SameSite=None', '', 'with SameSite=None', 'which has SameSite=Lax', 'SessionCryptoDeviceCookie NAME', 'write SameSite=Lax here'],
    'no SameSite'               => ['SessionCookieName session path=/', q(SessionCryptoDeviceCookie device "Path=/; Secure; HttpOnly; SameSite=Strict"), 'with SameSite=Lax', 'which has SameSite=Strict'],
    'the last SameSite counts'  => ['SessionCookieName session path=/;SameSite=Lax;SameSite=none', '', 'with SameSite=None'],
    'the name of the cookie'    => ['SessionCookieName __Host-session-device path=/', '', 'a cookie of the device has the name __Host-session-device', 'write another one'],
    'the name of its key'       => ['SessionCookieName __Secure-device-key path=/', 'SessionCryptoDeviceCookie __Host-device', 'a cookie of the device has the name __Secure-device-key'],
    'the name that goes with a path' => ['SessionCookieName __Host-session-device-f0b86eff path=/', $shop . handler('/shop/device'), 'a cookie of the device has the name'],
    'a Domain in a host'        => [host(PROXY . "${wrong}SessionCookieName session path=/;Domain=shop.example"), '', 'take Domain out'],
    'a session for each user'   => ['SessionDBDPerUser On', '', 'SessionDBDPerUser: all browsers of a user have one session', "write 'SessionDBDPerUser Off'"],
    'two sessions'              => ["SessionCookieName session path=/\n" . at('/blog', "${wrong}SessionCookieName blog path=/"), '', 'one device cookie __Host-session-device for this session and for the one on line', 'write the same SessionCookieName in both, or SessionCryptoDevicePath'],
    'two sessions of one name'  => ["SessionCookieName session path=/\n" . at('/blog', "${wrong}SessionCookieName session path=/blog"), '', 'one device cookie'],
    'two sessions in databases' => ["SessionDBDCookieName session path=/\n" . at('/blog', "${wrong}SessionDBDCookieName blog path=/"), '', 'write the same SessionDBDCookieName'],
    'a wider path'              => ['SessionCookieName session path=/', q(SessionCryptoDeviceCookie device "Path=/shop; Secure; HttpOnly; SameSite=Lax"), 'to all of /, and the cookie of its device only to /shop', "write 'path=/shop' here"],
    'a path beside it'          => ['SessionCookieName session path=/shopping', q(SessionCryptoDeviceCookie device "Path=/shop; Secure; HttpOnly; SameSite=Lax"), 'to all of /shopping', 'Path=/shopping in SessionCryptoDeviceCookie'],
    'a Domain for every URL'    => [at('/', "${wrong}SessionCookieName session path=/;Domain=shop.example"), '', 'take Domain out'],
);
for my $name (sort keys %COOKIES) {
    my ($cookie, $more, @words) = @{ $COOKIES{$name} };
    $cookie = $wrong . $cookie unless $cookie =~ /\Q$wrong/;
    $httpd->{config} = AROUND . $device . "$more\n$cookie\n";
    is_wrong($httpd, $name, @words);
}
for my $cookie ('session path=/;SameSite=Strict', 'session path=/;Secure;HttpOnly;SameSite=Lax', 'session') {
    $httpd->{config} = AROUND . $device . "SessionCookieName $cookie\n";
    is_quiet($httpd, "SessionCookieName $cookie");
}
$httpd->{config} = AROUND . $device . qq(SessionCryptoDeviceCookie device "Path=/; Secure; HttpOnly; SameSite=None"\nSessionCookieName session path=/;SameSite=None\n);
is_quiet($httpd, 'both cookies go to other sites');
my $narrow = qq(SessionCryptoDeviceCookie device "Path=/shop; Secure; HttpOnly; SameSite=Lax"\n);
for my $path ('/shop', '/shop/', '/shop/cart') {
    $httpd->{config} = AROUND . $device . $narrow . "SessionCookieName session path=$path\n";
    is_quiet($httpd, "a session for $path");
}
$httpd->{config} = PROXY . PASSPHRASE . at('/shop', $device . $shop . $narrow . "SessionCookieName session path=/\n") . handler('/shop/device');
is_quiet($httpd, 'a session that goes everywhere, and is read below the path of its device alone');
$httpd->{config} = PROXY . PASSPHRASE . at('/shop', $device . $shop) . handler('/shop/device') . at('/blog', "SessionCookieName session path=/;Domain=shop.example\n");
is_quiet($httpd, 'a Domain where no session is bound');
for (
    ['with device cookies of their own', $device . "SessionCookieName session path=/\n" . at('/blog', $shop . $device . $other . "SessionCookieName blog path=/\n") . handler('/shop/device') . at('/shop/device', $shop . $device . $other)],
    ['of which one is not bound',        $device . "SessionCookieName session path=/\n" . at('/blog', "SessionCryptoDevice off\nSessionCookieName blog path=/\n")],
    ['of a pattern, which is not bound', $device . "SessionCookieName session path=/\n" . inside('DirectoryMatch ^/blog', "SessionCryptoDevice off\nSessionCookieName blog path=/\n")],
    ['in two hosts',                     $device . host(PROXY . "SessionCookieName session path=/\n") . host(PROXY . "SessionCookieName blog path=/\n")],
    ['with other attributes',            $device . "SessionCookieName session path=/;Secure\n" . at('/blog', "SessionCookieName session Path=/;HttpOnly\n")],
    ['and none for each user',           $device . "SessionDBDPerUser Off\n"],
) {
    my ($name, $lines) = @$_;
    $httpd->{config} = AROUND . $lines;
    is_quiet($httpd, "two sessions $name");
}

# A demand that no request meets.
my $require = "Require session-device bound\n";
for (
    ['without devices',                PASSPHRASE . at('/admin', $wrong . $require)],
    ['where devices are switched off', AROUND . $device . at('/admin', "SessionCryptoDevice off\n$wrong$require")],
    ['in a directory',                 PASSPHRASE . inside('Directory @DIR@/htdocs', $wrong . $require)],
) {
    my ($name, $lines) = @$_;
    $httpd->{config} = $lines;
    is_wrong($httpd, "a demand $name", 'Require session-device bound lets nobody in', "write 'SessionCryptoDevice enforce' in this section");
}
for (
    ['of a section that binds',         AROUND . $device . at('/admin', $require)],
    ['of the opposite',                 AROUND . "SessionCryptoDevice off\n" . at('/admin', "<RequireAll>\nRequire all granted\nRequire not session-device bound\n</RequireAll>\n")],
    ['of a directory, and a location that binds', AROUND . inside('Directory @DIR@/htdocs', $require) . at('/shop', $device) . at('/session-device', $device)],
    ['that an inner section replaces',  AROUND . $device . at('/admin', $require) . at('/admin/login', "SessionCryptoDevice off\nRequire all granted\n")],
) {
    my ($name, $lines) = @$_;
    $httpd->{config} = $lines;
    is_quiet($httpd, "a demand $name");
}

# httpd 2.4.69 and later read the cookie again when they save the session.
my ($minor, $patch) = qx('@{[SessionCrypto::Httpd::env('HTTPD')]}' -v) =~ m{Apache/2\.(\d+)\.(\d+)} or die "no version\n";
my $remove = "SessionCookieName session path=/\n${wrong}SessionCookieRemove On\n";
$httpd->{config} = AROUND . $device . $remove;
if ($minor == 4 && $patch < 69) { is_quiet($httpd, 'a cookie that is taken off the request') }
else                            { is_wrong($httpd, 'a cookie that is taken off the request', 'no session would be saved with its device', "write 'SessionCookieRemove Off'") }
$httpd->{config} = AROUND . "$device$remove" =~ s/On$/Off/mr;
is_quiet($httpd, 'a cookie that stays');
$httpd->{config} = PASSPHRASE . $remove;
is_quiet($httpd, 'a cookie that is taken off where no session is bound');

# The author of a .htaccess file could let copies of sessions in.
$httpd->{config} = PASSPHRASE;
$httpd->start;
for my $line ('SessionCryptoDevice off', $shop, 'SessionCryptoDeviceCookie device', 'SessionCryptoDeviceLifetime 1h', 'SessionCryptoDeviceInitiators *') {
    $httpd->write_file('htdocs/.htaccess', "$line\n");
    is($httpd->client->get('/')->status, 500, ".htaccess: $line");
}
$httpd->stop;
is(scalar(() = $httpd->log->lines(qr{\.htaccess: SessionCryptoDevice\w* not allowed here})), 5, 'none of these lines is allowed there');
$httpd->log->expect(qr{\[core:alert\] .*/${\HTACCESS}}, 'the lines above');
$httpd->log->clean;

done_testing;
