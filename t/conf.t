# The sample configuration files work as they are.

use strict;
use warnings;

use FindBin;
use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::KeySets qw(key key_id key_set);

my $conf  = "$FindBin::Bin/../conf";
my $httpd = SessionCrypto::Httpd->new(session => '', accept => '', echo => '^/private/', config => <<"END");
Include "$conf/session-crypto.conf"
Include "$conf/login.conf"
END
my $one = key('one');
$httpd->write_file('session-keys', key_set($one), 0600);
# The hash of `correct`, made by `openssl passwd -apr1`.
$httpd->write_file('users', 'joe:$apr1$E2Ge0UQG$p3SgWKm6lUybMD3lk5lGj.' . "\n");
$httpd->start;
my $client = $httpd->client;

my $res = $client->get('/private/');
is($res->status, 302, 'a page behind the login form');
is_deeply([$res->header('set-cookie')], [], 'gives a visitor no cookie');
like(($res->header('location'))[0], qr{/login\.shtml$}, 'sends to the form');

$res = $client->post('/login', 'httpd_username=joe&httpd_password=wrong');
like(($res->header('location'))[0], qr{/login\.shtml\?failed$}, 'a wrong password sends back to the form');

$res = $client->post('/login', 'httpd_username=joe&httpd_password=correct');
like(($res->header('location'))[0], qr{/private/$}, 'the right one to the page');
my ($cookie) = $res->header('set-cookie');
like($cookie, qr/;\s*\Q$_\E(;|$)/, "the cookie is $_") for qw(Secure HttpOnly SameSite=Lax);
unlike($cookie, qr/=joe|correct/, 'and sealed');
my $token = $res->token;
$res = $client->get('/private/', session => $token);
is($res->status, 200, 'with which the page opens');
is_deeply([$res->header('set-cookie')], [], 'and does not save the session again');

$res = $client->get('/logout', session => $token);
like(($res->header('location'))[0], qr{/login\.shtml\?goodbye$}, 'a logout sends to the form');
is($client->get('/private/', session => $res->token)->status, 302, 'and leaves a session that opens no page');

$httpd->write_file('session-keys', key_set($one, key('two')), 0600);
$httpd->restart;
$res = $client->get('/private/', session => $token);
is(key_id($res->token), 'two', 'a session under an older key is saved at once, under the newest');
is_deeply([$client->get('/private/', session => $res->token)->header('set-cookie')], [], 'and not again');

# Lines of the sample that an administrator may take the comment sign from.
open my $sample, '<', "$conf/session-crypto.conf" or die "session-crypto.conf: $!\n";
my $text  = do { local $/; <$sample> };
my $count = ($text =~ s/^#(?=SessionCrypto(?:Device|MaxLifetime|NotBefore|Revocation) |<\/?Location|    (?:SetHandler|Require) )//mg);
is($count, 11, 'the sample has lines that end and bind sessions, and sections with handlers');
my $more = SessionCrypto::Httpd->new(session => '', accept => '', config => "ServerName https://shop.example\n$text");
$more->write_file('session-keys', key_set($one), 0600);
my ($ok, $output) = $more->check;
ok($ok, 'which httpd -t accepts') or diag($output);
unlike($output, qr/\[session_crypto:/, 'without a warning');

$httpd->stop;
$httpd->log->expect(qr/AH01617|AH01807|AH01811/, 'a wrong password');
$httpd->log->clean;

done_testing;
