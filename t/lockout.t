# A cookie that does not open locks nobody out: a correct login with such a
# cookie in the request is answered with a session that is logged in.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd ();

my $CONFIG = <<'END';
SessionCryptoPassphrase new
<Location /retired>
    SessionCryptoPassphrase old
</Location>
<Location /private>
    AuthType Form
    AuthName private
    AuthFormProvider file
    AuthUserFile "@DIR@/users"
    Require valid-user
</Location>
END
my $LOGIN = 'httpd_username=joe&httpd_password=correct';

my %httpd = map { $_ => start($_) } qw(ours c);
my %cookies = (
    'no cookie'                  => sub { return },
    'an empty cookie'            => sub { return session => '' },
    'a junk cookie'              => sub { return session => 'junk' },
    'a long junk cookie'         => sub { return session => 'junk' x 100 },
    'a cookie under a retired key' => sub { return session => $_[0]->get('/retired', 'X-S' => 'user=joe')->token },
    'a session in clear'         => sub { return session => 'private-user=joe&private-pw=correct' },
);

for my $name (sort keys %cookies) {
    my $client = $httpd{ours}->client;
    my @cookie = $cookies{$name}->($client);
    is($client->get('/private', @cookie)->status, 401, "$name is not a login");
    is($client->post('/private', 'httpd_username=joe&httpd_password=wrong', @cookie)->status, 401,
        "$name and a wrong password are not a login");
    my $login = $client->post('/private', $LOGIN, @cookie);
    is($login->status, 200, "$name and the right password are a login");
    ok($login->token, 'that sets a cookie');
    is($client->get('/private', session => $login->token // '')->status, 200, 'and the next request is logged in');
}

# What the module is there to mend. A later httpd may have mended it too.
for my $name ('a junk cookie', 'a cookie under a retired key') {
    my $client = $httpd{c}->client;
    my $login  = $client->post('/private', $LOGIN, $cookies{$name}->($client));
    note("the C module with $name: status ", $login->status, ', ',
        $login->token ? 'logged in' : 'locked out: no Set-Cookie');
}
{
    my $client = $httpd{c}->client;
    my $login  = $client->post('/private', $LOGIN);
    is($client->get('/private', session => $login->token // '')->status, 200,
        'the C module logs in who has no cookie: the configuration is right');
    is($httpd{ours}->client->get('/private', session => $login->token // '')->status, 200,
        'and its login is a login here');
}

$_->stop for values %httpd;
$httpd{ours}->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a cookie that does not open');
$httpd{ours}->log->expect(qr/AH01617|AH01807/, 'a wrong password');
$httpd{c}->log->expect(qr/AH01840|AH01842|AH01817/, 'a cookie that does not open, for the C module');
$httpd{$_}->log->clean("$_: nothing unexpected in error_log") for sort keys %httpd;

done_testing;

sub start {
    my ($module) = @_;
    my $httpd = SessionCrypto::Httpd->new(name => "lockout_$module", module => $module, config => $CONFIG);
    # The hash of `correct`, made by `openssl passwd -apr1`.
    my $hash = '$apr1$WGkoydIX$2PFx9TKMAAtRIMO9l3zIj0';
    $httpd->write_file('users', "joe:$hash\n");
    return $httpd->start;
}
