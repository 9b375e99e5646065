# Private keys on a hardware token, for which SoftHSM stands in. They sign and decrypt,
# and nobody can read them. While the hardware token is away, sessions that need it do
# not open and everything else goes on. When it is back, they open.

use strict;
use warnings;

use MIME::Base64 qw(encode_base64url);
use Test::More;
use Time::HiRes  qw(sleep);

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Engines        qw(in_each_child is_rejected log_of opens process_handler seal section);
use SessionCrypto::HardwareToken  ();
use SessionCrypto::Httpd          ();
use SessionCrypto::Jwe            qw(header);
use SessionCrypto::Refusal        qw(is_refused);
use SessionCrypto::Startup        qw(HTACCESS);

# A secret: no message may have it.
use constant PIN   => 'S3cr3t-pin';
use constant LOGIN => 'httpd_username=joe&httpd_password=correct';
# Seconds. The module looks once a second for a hardware token that is away.
use constant PATIENCE => 1.1;

my $files = SessionCrypto::Httpd->new(name => 'hsm-files')->dir;
my $hardware = SessionCrypto::HardwareToken->new("$files/hsm", pin => PIN);
my %pem   = map { my ($name, $kind) = @$_; ($name => $hardware->make_key($name, $kind)) } ['rsa', 'rsa:2048'], ['ec', 'ec:P-256'];
my %key   = map { $_ => SessionCrypto::CertificateJwe->new(certificate => $pem{$_}) } keys %pem;
$hardware->store_certificate($_) for sort keys %pem;

my %ALG = (rsa => 'RSA-OAEP-256', sha => 'RSA-OAEP', ec => 'ECDH-ES+A256KW');
my $pin = 'SessionCryptoPassphrase ' . PIN;
my %LINES = (
    rsa               => [$pin, lines('rsa')],
    sha               => [$pin, lines('rsa'), 'SessionCryptoDigest SHA'],
    ec                => [$pin, lines('ec')],
    'pin-in-file'     => ['SessionCryptoPassphraseFile pin', lines('rsa')],
    'pin-in-uri'      => [lines('ec', 'pin-value' => PIN)],
    'pin-first'       => ["$pin S3cr3t-wrong", lines('rsa')],
    'certificate-rsa' => [$pin, lines('rsa', certificate => $hardware->uri('rsa', type => 'cert'))],
    'certificate-ec'  => [$pin, lines('ec', certificate => $hardware->uri('ec', type => 'cert'))],
    passphrase        => ["SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm"],
    classic           => ['SessionCryptoPassphrase secret'],
);
my @RSA = qw(rsa pin-in-file pin-first certificate-rsa);
my @EC  = qw(ec pin-in-uri certificate-ec);

my ($one, $two) = map { server("hsm-$_") } qw(one two);
my $client = $one->client;

# A key on the hardware token gives the same sessions, whatever way its certificate and
# PIN are named.
my %sealed = map { $_ => seal($one, "/$_") } sort keys %LINES;
for my $path (@RSA, @EC, 'sha') {
    my $name = $path eq 'sha' || grep({ $_ eq $path } @RSA) ? 'rsa' : 'ec';
    my ($alg, $kid) = ($ALG{ $path eq 'sha' ? 'sha' : $name }, $key{$name}->id);
    like(header($sealed{$path}), qr/\A\{"alg":"\Q$alg\E","enc":"A256GCM","kid":"$kid"/, "/$path seals under the key $name");
}
for my $same (\@RSA, \@EC, ['sha']) {
    for my $path (@$same) {
        opens($one, "/$path", $sealed{$_}, "a token of /$_") for @$same;
        opens($two, "/$path", $sealed{ $$same[0] }, 'a token of another server');
        opens($one, "/$path", seal($two, "/$path"), 'and the other way');
    }
}
is_refused($one, 'the other key', '/rsa', $sealed{ec});
is_refused($one, 'the other digest', '/rsa', $sealed{sha});

for my $path (qw(rsa ec sha)) {
    my $from = $one->client;
    is($from->get("/$path/private")->status, 401, "/$path: nobody is logged in");
    is($from->get("/$path/private", session => $sealed{$path})->status, 401, 'a session is not a login');
    my $login = $from->post("/$path/private", LOGIN, session => 'junk');
    is($login->status, 200, 'the right password is a login');
    is($from->get("/$path/private", session => $login->token // '')->status, 200, 'and the next request is logged in');
    is($two->client->get("/$path/private", session => $login->token // '')->status, 200, 'with another server as well');
}

unlike($hardware->tool('--list-objects', '--type', 'privkey'), qr/Access:(?!.*never extractable)/, 'no key can leave the hardware token');

for my $round (0 .. 3) {
    $one->restart if $round;
    is_deeply([bad($one, qw(rsa sha ec))], [], "after $round restarts, each child opens what another server seals");
    opens($one, "/$_", $sealed{$_}, 'and what was sealed before') for qw(rsa sha ec certificate-ec pin-in-uri);
}

# The hardware token is away. Another server seals under a content key of its own, which
# only the hardware token can decrypt. Keys of this server, and passphrases, still work.
my %foreign = map { my $path = $_; ($path => [map { seal($two, "/$path") } 1, 2]) } qw(rsa ec);
$one->restart;
my %own = map { $_ => seal($one, "/$_") } qw(rsa ec);
$hardware->take_away;
for my $path (qw(rsa ec)) {
    my @log = log_of($one, sub {
        my $res = $client->get("/$path", session => $foreign{$path}[0]);
        is($res->status, 200, "/$path, the hardware token away: the request goes on");
        is($res->body, '', 'without the session');
    });
    cmp_ok(scalar(grep { /\[session_crypto:error\] .*session not opened: OpenSSL failed to / } @log), '>=', 1, 'and error_log says so');
    is(scalar(grep { /\[session_crypto:info\]/ } @log), 0, 'and does not call a token refused');
    my %wrong;
    my $children = in_each_child($one, sub {
        my ($from) = @_;
        my $res = $from->get("/$path", session => $foreign{$path}[0]);
        $res->status == 200 && $res->body eq '' or $wrong{'a token that needs it opens'} = 1;
        my $sealed = $from->get("/$path", 'X-S' => 'user=joe')->token // '';
        $from->get("/$path", session => $_)->body eq 'user=joe' or $wrong{'a token of its own does not open'} = 1 for $sealed, $own{$path};
    });
    cmp_ok($children, '>=', 2, 'several children answer');
    is_deeply([sort keys %wrong], [], 'and seal and open under the content keys that they have');
    is_refused($one, 'a forged token, for which the private key is not asked', "/$path",
        $key{$path}->token(session => 'user=mallory', sig => encode_base64url("\1" x ($path eq 'rsa' ? 256 : 64))));
    is_refused($one, 'junk', "/$path", 'junk');
}
opens($one, "/$_", seal($one, "/$_"), 'passphrases do not need the hardware token') for qw(passphrase classic);
opens($one, "/$_", $sealed{$_}, 'nor do tokens under passphrases') for qw(passphrase classic);

is(scalar(() = $one->log->lines(qr/shared library/)), 0, 'error_log does not mention engines that no section names');

$hardware->put_back;
sleep PATIENCE;
opens($one, "/$_", $foreign{$_}[1], 'the hardware token is back: a session that needs it opens') for qw(rsa ec);
is_deeply([bad($one, qw(rsa sha ec))], [], 'in each child');
is_deeply([bad($two, qw(rsa sha ec))], [], 'and on the other server, which has not used the hardware token since');
opens($one, "/$_", $sealed{$_}, 'and older tokens') for qw(rsa sha ec certificate-rsa pin-in-file);
$one->restart;
opens($one, "/$_", $sealed{$_}, 'and after a restart') for qw(rsa sha ec);

# .htaccess can name neither an object on a hardware token nor its PIN.
for (
    ['a key on a hardware token', 'only files', 'SessionCryptoEngine pkcs11', "SessionCryptoCertificateFile $pem{rsa}",
        'SessionCryptoCertificateKeyFile "' . $hardware->uri('rsa', 'pin-value' => PIN) . '"'],
    ['a certificate on a hardware token', 'only files', 'SessionCryptoCertificateFile "' . $hardware->uri('rsa', type => 'cert') . '"'],
) {
    my ($name, $word, @lines) = @$_;
    $one->write_file('htdocs/in/.htaccess', join '', map { "$_\n" } @lines);
    my @log = log_of($one, sub { is($client->get('/in/', 'X-S' => 'user=joe')->status, 500, ".htaccess: $name") });
    like("@log", qr/\.htaccess: .*\Q$word\E/, "error_log says '$word'");
    unlike("@log", qr/S3cr3t/, 'and no secret');
}
$_->stop for $one, $two;

# The calls to the hardware token, seen by a spy between it and the engine.
my @calls = $hardware->watch(sub {
    my ($calls) = @_;
    my $watched = server('hsm-watched');
    $watched->write_file('htdocs/hsm/.htaccess', "SessionCryptoPassphrase S3cr3t-author\n");
    my $private = sub { grep { /^C_(?:Decrypt|DeriveKey|Sign)$/ } $calls->() };
    my $before = $private->();
    cmp_ok($before, '>=', 2, 'at the start the private keys sign');
    for my $path (qw(rsa ec)) {
        is_refused($watched, 'a forged token', "/$path", $key{$path}->token(session => 'user=mallory', sig => encode_base64url("\1" x $_)))
            for 64, 256;
    }
    is($private->(), $before, 'for forged tokens no private key is used');
    opens($watched, '/rsa', $sealed{rsa}, 'a genuine token opens');
    cmp_ok($private->(), '>', $before, 'with the private key');
    my @log = log_of($watched, sub { is($watched->client->get('/hsm/', 'X-S' => 'user=joe')->token, undef, 'a passphrase of .htaccess is no PIN') });
    like("@log", qr/\[session_crypto:error\] .*a passphrase of \.htaccess is not tried as its PIN: take the SessionCryptoPassphrase line out/,
        'and error_log says so, and what to take out');
    $watched->stop;
    $watched->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a forged token');
    $watched->log->expect(qr/\[session(?:_crypto)?:error\] .*\[client /, 'the passphrase of .htaccess');
    $watched->log->clean('watched: nothing unexpected in error_log');
});
is_deeply([grep { /^C_Login/ && $_ ne 'C_Login ' . PIN } @calls], [], 'only the first passphrase was tried as the PIN');
@calls = $hardware->watch(sub {
    is_rejected(mistaken('SessionCryptoPassphrase S3cr3t-wrong ' . PIN, lines('rsa')), 'a wrong PIN', 'SessionCryptoCertificateKeyFile', 'PIN', 'first passphrase');
});
is_deeply([grep { /^C_Login/ } @calls], ['C_Login S3cr3t-wrong'], 'a wrong PIN is tried once, and no other passphrase');

# name => [words of the message, lines]
my %WRONG = (
    'no PIN'                   => [['PIN', 'first passphrase'], lines('rsa')],
    'a wrong PIN in the URI'   => [['PIN'], lines('rsa', 'pin-value' => 'S3cr3t-wrong')],
    'no such hardware token'   => [['token=none-such'], $pin, lines('rsa', token => 'none-such')],
    'no such object'           => [['object=none-such'], $pin, lines('rsa', object => 'none-such')],
    'no such object, PIN in the URI' => [['object=none-such', 'pin-value=...'], lines('rsa', object => 'none-such', 'pin-value' => PIN)],
    'the key of another certificate' => [["$pem{rsa}", 'object=ec'], 'CertificateFile', $pin,
        'SessionCryptoEngine pkcs11', "SessionCryptoCertificateFile $pem{rsa}", 'SessionCryptoCertificateKeyFile "' . $hardware->uri('ec') . '"'],
    'no such certificate'      => [['object=none-such'], 'CertificateFile', $pin,
        lines('rsa', certificate => $hardware->uri('none-such', type => 'cert'))],
    'no engine'                => [['is not a file', 'SessionCryptoEngine pkcs11'], $pin, grep { !/Engine/ } lines('rsa')],
    'no engine, PIN in the URI' => [['is not a file', 'pin-value=...'], grep { !/Engine/ } lines('rsa', 'pin-value' => PIN)],
    'a provider without hardware tokens' => [['object=rsa', 'load the private key'], $pin, map { s/Engine pkcs11/Engine provider:legacy/r } lines('rsa')],
    'no such engine'           => [["engine 'pkcs12'"], 'Engine', $pin, map { s/Engine pkcs11/Engine engine:pkcs12/r } lines('rsa')],
    'not a URI of PKCS#11'     => [['file: before it'], $pin, "SessionCryptoCertificateFile $pem{rsa}",
        'SessionCryptoCertificateKeyFile "file:/S3cr3t"'],
);
for my $name (sort keys %WRONG) {
    my ($words, @lines) = @{ $WRONG{$name} };
    my $at = $lines[0] =~ /^Session/ ? 'CertificateKeyFile' : shift @lines;
    is_rejected(mistaken(@lines), $name, "SessionCrypto$at", @$words);
}

for my $httpd ($one, $two) {
    $httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a token that is refused');
    $httpd->log->expect(qr/\[session(?:_crypto)?:error\] .*\[client .*(?:session not opened|session_load|AH018)/, 'the hardware token away');
    $httpd->log->expect(qr/AH01617|AH01807/, 'a wrong password');
    $httpd->log->expect(qr{\[core:alert\] .*/in/${\HTACCESS}}, 'the mistakes in .htaccess');
    $httpd->log->clean("$httpd->{name}: nothing unexpected in error_log");
}

done_testing;

# The lines of a certificate whose key is on the hardware token.
sub lines {
    my ($name, %uri) = @_;
    my $certificate = delete $uri{certificate} // $pem{$name};
    return ('SessionCryptoEngine pkcs11', qq(SessionCryptoCertificateFile "$certificate"),
        'SessionCryptoCertificateKeyFile "' . $hardware->uri($name, %uri) . '"');
}

sub mistaken { return SessionCrypto::Httpd->new(name => 'hsm-mistaken', config => join "\n", @_) }

sub server {
    my ($name) = @_;
    my $config = join '', map { section("/$_", @{ $LINES{$_} }) } sort keys %LINES;
    $config .= section("/$_/private", 'AuthType Form', 'AuthName private', 'AuthFormProvider file',
        'AuthUserFile "@DIR@/users"', 'Require valid-user') for qw(rsa ec sha);
    $config .= join "\n", '<Directory "@DIR@/htdocs/hsm">', @{ $LINES{rsa} }, "</Directory>\n";
    my $httpd = SessionCrypto::Httpd->new(name => $name, config => $config, handlers => process_handler());
    # The hash of `correct`, made by `openssl passwd -apr1`.
    $httpd->write_file('users', 'joe:$apr1$WGkoydIX$2PFx9TKMAAtRIMO9l3zIj0' . "\n");
    $httpd->write_file('pin', PIN . "\n", 0600);
    $httpd->write_file('htdocs/hsm/here', '');
    return $httpd->start;
}

# Returns the paths, of those given, where a child does not open a token of the other
# server.
sub bad {
    my ($httpd, @paths) = @_;
    my $other = $httpd == $one ? $two : $one;
    my %sealed = map { $_ => seal($other, "/$_") } @paths;
    my %bad;
    my $children = in_each_child($httpd, sub {
        my ($from) = @_;
        $from->get("/$_", session => $sealed{$_})->body eq 'user=joe' or $bad{$_} = 1 for @paths;
    });
    return $children < 2 ? "only $children child" : sort keys %bad;
}
