# A search of the error logs for the key id that a refused token asks for finds the servers
# that have the key, in each format that has key ids: the line of the refusal has the whole id,
# and so have the lines at startup.

use strict;
use warnings;

use JSON::PP     ();
use MIME::Base64 qw(decode_base64url);
use Test::More;

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd        ();
use SessionCrypto::KeySets      qw(key key_set);

my @FORMATS = (
    ['/jwe',         'SC0106', 'no passphrase'],
    ['/set',         'SC0107', 'no key'],
    ['/certificate', 'SC0109', 'no certificate'],
);

# Two servers of which each has keys that the other lacks.
my %server = map { $_ => server($_) } qw(new old);
my ($new, $old) = @server{qw(new old)};

for (@FORMATS) {
    my ($path, $code, $words) = @$_;
    my $token = $new->client->get($path, 'X-S' => 'user=joe')->token // BAIL_OUT("no session at $path");
    # The day follows the id of a passphrase's key.
    my $kid = kid($token) =~ s/\.\d+$//r;
    is($old->client->get($path, session => $token)->body, '', "$path: the other server refuses the token");
    my @lines = $old->log->lines(qr/$code: session refused, /);
    is(scalar @lines, 1, 'in one line');
    like($lines[0] // '', qr/: $words .*, \Q$kid\E$/, 'that has the whole key id');
    my @startup = $new->log->lines(qr/\[session_crypto:info\] .*SC0501: on line \d+ of .*: sessions open under (?:.* )?\Q$kid\E(?![\w-])/);
    is(scalar @startup, 1, 'which the server with the key tells at startup, once');
    is(scalar(() = $old->log->lines(qr/SC0501: .*\Q$kid\E/)), 0, 'and the other does not');
}
my @startup = $new->log->lines(qr/SC0501: /);
is(scalar @startup, 4, 'sections with the same keys have one line together');
is(scalar(() = $new->log->lines(qr/SC0501: .*: sessions open under the passphrase at \S+ line \d+$/)), 1, 'a passphrase without a key id has its place');
is(scalar(() = $new->log->lines(qr/SC0501: .*: sessions open under (?:of-new, shared|shared, of-new)$/)), 1, 'all keys of a key file are told')
    or diag(@startup);
is(scalar(() = $new->log->lines(qr/passphrase of new/)), 0, 'and no passphrase');

my $many = SessionCrypto::Httpd->new(config => join '', map { <<"END" } 1 .. 103)->start;
<Location "/$_">
    SessionCryptoPassphrase "the passphrase of section $_"
</Location>
END
is(scalar(() = $many->log->lines(qr/SC0501: /)), 100, 'of many sections, a hundred have their lines');
is(scalar(() = $many->log->lines(qr/\[session_crypto:info\] .*SC0502: 3 more sections have keys of their own$/)), 1, 'and the others are counted');
$many->stop;
$many->log->clean;

# No byte is told of a token that asks for no valid key id.
my $secret = 'secret.words';
my (undef, @rest) = split /\./, $new->client->get('/set', 'X-S' => 'user=joe')->token;
my $header = MIME::Base64::encode_base64url(qq({"alg":"A256KW","enc":"A256GCM","kid":"$secret"}));
is($old->client->get('/set', session => join '.', $header, @rest)->body, '', 'an id that is none is refused');
is(scalar(() = $old->log->lines(qr/\Q$secret\E/)), 0, 'and not told');

for my $server ($new, $old) {
    $server->stop;
    $server->log->expect(qr/\] SC01\d\d: session refused/, 'tokens of the other server');
    $server->log->clean;
}
done_testing;

sub server {
    my ($name) = @_;
    my $httpd = SessionCrypto::Httpd->new(name => "key-ids-$name", config => <<"END");
<Location "/classic">
    SessionCryptoPassphrase "the passphrase of $name"
</Location>
<Location "/jwe">
    SessionCryptoPassphrase "another passphrase of $name"
    SessionCryptoCipher aes-256-gcm
</Location>
<Location "/set">
    SessionCryptoKeyFile keys.jwks
</Location>
<Location "/again">
    SessionCryptoKeyFile keys.jwks
</Location>
<Location "/certificate">
    SessionCryptoCertificateFile p256.pem
    SessionCryptoCertificateKeyFile p256.key
</Location>
END
    certificate($httpd->dir, 'p256', 'ec:P-256');
    $httpd->write_file('keys.jwks', key_set(key("of-$name", nbf => time - 60), key('shared', nbf => time - 3600)), 0600);
    return $httpd->start;
}

sub kid {
    my ($token) = @_;
    my ($header) = split /\./, $token;
    return JSON::PP::decode_json(decode_base64url($header))->{kid};
}
