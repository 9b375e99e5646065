# Loading the module: in any order, by either name, and without mod_session.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd ();

# Modules that link to mod_session's hooks do not load without it either.
my @SESSION = qw(session session_cookie session_dbd auth_form);

for my $order (qw(first last)) {
    my $httpd = SessionCrypto::Httpd->new(load => $order, config => 'SessionCryptoPassphrase secret')->start;
    my $token = $httpd->client->get('/', 'X-S' => 'user=joe')->token;
    is($httpd->client->get('/', session => $token)->body, 'user=joe', "seals and opens when loaded $order");
    $httpd->stop;
    $httpd->log->clean;
}

{
    my $httpd = SessionCrypto::Httpd->new(without => \@SESSION, session => '');
    my ($ok, $output) = $httpd->check;
    ok(!$ok, 'httpd -t fails without mod_session');
    my @lines = grep { /session/ } split /\n/, $output;
    is(@lines, 1, 'one line says why') or diag($output);
    like($lines[0] // '', qr/mod_session\b.*LoadModule session_module/, 'it names what to write');
    unlike($output, qr/undefined symbol/, 'the dynamic linker does not complain');
    ok(!eval { $httpd->start }, 'httpd does not start without mod_session');
    like($@, qr/LoadModule session_module/, 'starting says why, too');
}

# A section that is not skipped has a syntax error.
for my $name (qw(mod_session_crypto.c session_crypto_module)) {
    my ($ok, $output) = SessionCrypto::Httpd->new(
        config => "<IfModule !$name>\nNotADirective\n</IfModule>")->check;
    ok($ok, "<IfModule $name> is true") or diag($output);
}

for my $case (['crit session_crypto:debug', 1], ['debug session_crypto:error', 0]) {
    my ($loglevel, $expected) = @$case;
    my $httpd = SessionCrypto::Httpd->new(
        loglevel => $loglevel, accept => 'SC0402 SC0403 SC0405', config => 'SessionCryptoPassphrase secret')->start;
    $httpd->client->get('/', session => 'junk');
    my @lines = $httpd->log->lines(qr/\[session_crypto:info\] .*\[client /);
    is(@lines, $expected, "LogLevel $loglevel: $expected lines about a refused token");
    $httpd->stop;
    $httpd->log->expect(qr/\[session_crypto:info\]/, 'the refused token');
    $httpd->log->clean;
}

done_testing;
