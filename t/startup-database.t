# mod_session_dbd takes the cookie off the request when it has read it, unless
# `SessionDBDCookieRemove Off` is set. An internal redirect then finds no cookie. Where
# sessions are encrypted, `httpd -t` warns of it.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(SECRET inside is_quiet is_warned);

my $secret = "SessionCryptoPassphrase ${\SECRET}\n";
my $name   = "SessionDBDCookieName session path=/\n";
my $name2  = "SessionDBDCookieName2 session path=/\n";
my $off    = "SessionDBDCookieRemove Off\n";
my $on     = "SessionDBDCookieRemove On\n";
my $wrong  = "# wrong:\n";
my $httpd  = SessionCrypto::Httpd->new(name => 'startup-database', session => "Session On\n", config => $name);
my ($ok, $output) = $httpd->check;
plan skip_all => 'no mod_session_dbd' if !$ok && $output =~ /SessionDBDCookieName/;

my %WARNED = (
    'at the server'                    => $wrong . $name . $secret,
    'a cookie of version 2'            => $wrong . $name2 . $secret,
    'in a location'                    => $secret . inside('Location /a', $wrong . $name),
    'in a location, encrypted there'   => inside('Location /a', $wrong . $name . $secret),
    'in <If> in a virtual host'        => inside('VirtualHost *', $secret . inside('If true', $wrong . $name)),
    'in <IfModule>'                    => inside('IfModule mod_session_dbd.c', $wrong . $name) . $secret,
    'Off in another location'          => $secret . inside('Location /a', $wrong . $name) . inside('Location /b', $off),
    'Off in a location inside'         => $secret . $wrong . $name . inside('Location /a', $off),
    'On'                               => $secret . $wrong . $name . $on,
    'On inside Off'                    => $secret . $off . inside('Location /a', $wrong . $name . $on),
    'Off, and On after it'             => $secret . $wrong . $name . $off . $on,
    'with virtual hosts'               => $secret . $wrong . $name . inside('VirtualHost *', '') . inside('VirtualHost *', ''),
);
for my $case (sort keys %WARNED) {
    $httpd->{config} = $WARNED{$case};
    is_warned($httpd, $case, 'SessionDBDCookieName', 'internal redirect', 'SessionDBDCookieRemove Off');
}

my %QUIET = (
    'Off before it'               => $secret . $off . $name,
    'off after it'                => $secret . $name . lc $off,
    'On, and Off after it'        => $secret . $name . $on . $off,
    'Off at the server'           => $secret . inside('Location /a', $name) . $off,
    'Off in <IfModule>'           => $secret . inside('IfModule mod_session_dbd.c', $off) . $name,
    'Off around it in <If>'       => $secret . inside('Location /a', $off . inside('If true', $name)),
    'nothing encrypted'           => $name,
    'a cookie and no database'    => $secret . 'SessionCookieName session path=/',
);
for my $case (sort keys %QUIET) {
    $httpd->{config} = $QUIET{$case};
    is_quiet($httpd, $case);
}

done_testing;
