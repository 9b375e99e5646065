# With mod_session_dbd, a session is bound when it is saved for another reason, because a
# saved one gets another id. Then it opens with its device alone, and its row stays.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Database qw($CONNECTION $STATEMENTS);
use SessionCrypto::Device   ();
use SessionCrypto::Httpd    ();

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

my ($lua)  = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
my $DEVICE = <<'END';
Session On
SessionEnv On
SessionHeader X-S
SessionDBDCookieName session path=/;Secure;HttpOnly;SameSite=Lax
SessionDBDCookieRemove Off
SessionCryptoPassphrase passphrase-of-device-tests
SessionCryptoDevice enforce
<Location "/session-device">
    SetHandler session-crypto-device
</Location>
Header always set X-Device "%{SESSION_DEVICE}e"
END

# The table has to exist before httpd starts, as in t/dbd.t.
my $httpd = SessionCrypto::Httpd->new(name => 'device-dbd', one_child => 1, tls => 1, echo => '^/(?!session-device)',
    session => '', config => $CONNECTION, handlers => qq(LuaMapHandler ^/sql "$lua/sql.lua"));
my ($ok, $output) = $httpd->check;
plan(skip_all => 'no driver for sqlite3: install libaprutil1-dbd-sqlite3')
    if !$ok && $output =~ /DBDriver|session_?dbd/i;
$httpd->start;
sql('create table session (key text, value text, expiry integer)');
$httpd->stop;
$httpd->{config} = $CONNECTION . $STATEMENTS . $DEVICE;
$httpd->start;

my $client = $httpd->client;
my $device = SessionCrypto::Device->new(servers => [$httpd]);
$device->get('/', 'X-S' => 'user=joe');
is_deeply([$device->happenings], [['register', 'registered']], 'registered');
$device->get('/');
is_deeply([$device->happenings], [['refresh', 'refreshed']], 'refreshed');
my $id = $device->cookies->value('session');
is_deeply(seen($device->get('/')), ['user=joe', 'bound'], 'it comes from its device');
is($device->cookies->value('session'), $id, 'and keeps its id');
is_deeply(seen($client->get('/', session => $id)), ['user=joe', 'unbound'], 'it is not bound yet');

is_deeply(seen($device->get('/', 'X-S' => 'cart=1')), ['user=joe', 'bound'], 'it is saved with a change');
my $other = $device->cookies->value('session');
isnt($other, $id, 'under another id');
is_deeply(seen($device->get('/')), ['user=joe&cart=1', 'bound'], 'it comes from its device');
my $answer = $client->get('/', session => $other);
is_deeply(seen($answer), ['', 'refused'], 'and is bound: without the device, it is refused');
is_deeply([$answer->header('set-cookie')], [], 'and stays in the browser');
is_deeply(seen($device->get('/')), ['user=joe&cart=1', 'bound'], 'and in the database');

# What such a request writes gets a row of its own.
for ('note=1', 'user=jim', 'user=') {
    is_deeply(seen($client->get('/', session => $other, 'X-S' => $_)), ['', 'refused'], "a request without the device that writes $_");
    is_deeply(seen($device->get('/')), ['user=joe&cart=1', 'bound'], 'leaves the row as it is');
}

$device->get('/', 'X-S' => 'user=&cart=');
is_deeply([grep { $_ ne 'session' } $device->cookies->names], [], 'a logout removes the cookies of the device');

$httpd->stop;
$httpd->log->expect(qr/SC0821: session refused/, 'a session without its device');
$httpd->log->clean;
done_testing;

sub seen { my ($page) = @_; return [$page->body =~ s/(?:^|&)expiry=\d+//r, $page->header('x-device')] }

# Runs a statement, outside of every session.
sub sql { my ($statement) = @_; return $httpd->client->get('/sql', 'X-Sql' => $statement)->body }
