# A key file: what `httpd -t` says of its mistakes, which key of it seals and which keys
# open, how it merges, and what happens to passphrases beside it.

use strict;
use warnings;

use Digest::SHA  qw(sha256);
use MIME::Base64 qw(encode_base64url);
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd        ();
use SessionCrypto::KeySets      qw(key key_id key_set random_key);
use SessionCrypto::Levels       qw(@LEVELS host outer);
use SessionCrypto::Preload      qw(preload);
use SessionCrypto::Startup      qw(SECRET inside is_quiet is_warned is_wrong);

use constant HOUR => 3600;

my $httpd = SessionCrypto::Httpd->new(name => 'key-file');
my $dir   = $httpd->dir;
my $line  = "SessionCryptoKeyFile keys\n";
my $k     = random_key(32);
my $now   = int time;

# The file's content, and words of the message. SECRET is 20 bytes, and no key.
my $secret = SECRET;
my %WRONG = (
    'an empty file'        => ['', 'is empty', 'htsession key'],
    'white space'          => [" \n", 'is empty'],
    'no JSON'              => [qq({"keys":[{"kty":"oct","k":"$secret"}), 'is not JSON (line 1, column '],
    'passphrases'          => ["$secret\n", 'is not JSON (line 1, column 1)', 'passphrases take SessionCryptoPassphraseFile'],
    'a single key'         => [qq({"kty":"oct","k":"$k"}), 'is not a JWK Set'],
    'no keys'              => [key_set(), 'has no keys'],
    'too large'            => [' ' x 65_537, 'is larger than 65536 bytes', 'a JWK Set'],
    '65 keys'              => [key_set(map { key("k$_") } 1 .. 65), 'has 65 keys', 'more than 64', 'take out those that have ended'],
    'equal ids'            => [key_set(key('twin'), key('twin')), q(two keys with the kid 'twin'), 'a kid of its own'],
    'a short key'          => [key_set(key('good'), key('short', k => 'S3cr3tS3cr3t')), q(wrong at the key with the kid 'short'), 'has 9 bytes, and not 16, 24 or 32', '32 random bytes'],
    'a key without kid'    => [key_set(key('good'), key(undef, k => 'S3cr3t')), 'wrong at key number 2'],
    'another key type'     => [qq({"keys":[{"kty":"EC","kid":"ec","crv":"P-256"}]}), q('kty' is EC), 'take it out'],
    'a signing key'        => [key_set(key('sig', use => 'sig')), q('use' is not that of a key that wraps keys)],
    'another algorithm'    => [key_set(key('dir', alg => 'dir')), q('alg' is not that of a key that wraps keys)],
    'a wrong kid'          => [key_set(key('a b')), q('kid' is not 1 to 64 letters)],
    'a kid that is too long' => [key_set(key('x' x 65)), q('kid' is not 1 to 64 letters)],
    'two lists of keys'    => [qq({"keys":[],"keys":[]}), q(has a member twice, 'keys')],
    'no object for a key'  => [qq({"keys":["$secret"]}), 'wrong at key number 1: it is not an object'],
    'a key without k'      => [qq({"keys":[{"kty":"oct","kid":"d"}]}), q(it has no 'k')],
    'a number for a kid'   => [qq({"keys":[{"kty":"oct","kid":7,"k":"$k"}]}), q(its 'kid' is not)],
    'a member twice'       => [qq({"keys":[{"kty":"oct","kid":"d","k":"$k","k":"$k"}]}), q(it has a member twice, 'k')],
    'a date in words'      => [qq({"keys":[{"kty":"oct","kid":"d","nbf":"today","k":"$k"}]}), q('nbf' is not)],
    'an end before'        => [key_set(key('back', nbf => $now, exp => $now - 1)), q('exp' is not after its 'nbf')],
    'all ended'            => [key_set(key('old', exp => $now - 1)), 'has no key that has begun and not ended', 'clock'],
    'none begun'           => [key_set(key('new', nbf => $now + HOUR)), 'has no key that has begun and not ended', 'nbf is not to come'],
);
$httpd->{config} = $line;
for my $name (sort keys %WRONG) {
    my ($content, @words) = @{ $WRONG{$name} };
    $httpd->write_file('keys', $content, 0600);
    is_wrong($httpd, $name, "SessionCryptoKeyFile: $dir/keys ", @words);
}
$httpd->{config} = "SessionCryptoKeyFile missing\n";
is_wrong($httpd, 'no file', "$dir/missing cannot be read (No such file or directory)", 'a file that holds a JWK Set');
$httpd->{config} = "SessionCryptoKeyFile htdocs\n";
is_wrong($httpd, 'a directory', "$dir/htdocs is a directory");
$httpd->{config} = "SessionCryptoKeyFile /dev/null\n";
is_wrong($httpd, 'a device', '/dev/null is not a file');

my $one = key('one');
$httpd->write_file('keys', key_set($one), 0600);
certificate($dir, 'cert', 'ec:P-256');
my $certificate = "SessionCryptoCertificateFile cert.pem\nSessionCryptoCertificateKeyFile cert.key\n";
my %TOGETHER = (
    'a CBC cipher'            => [$line . "SessionCryptoCipher aes256\n", 'a CBC cipher', 'write aes-256-gcm before it'],
    'a CBC cipher first'      => [$line . "SessionCryptoCipher aes256 aes-256-gcm\n", 'a CBC cipher', 'aes-256-gcm'],
    'a CBC cipher in a section' => [$line . inside('Location /shop', "# wrong:\nSessionCryptoCipher aes256"), 'a CBC cipher'],
    'a certificate'           => [$certificate . "# wrong:\n$line", 'the keys of a file or for a certificate', 'take one of them out', 'cert'],
    'a certificate in a section' => ["# wrong:\n" . $line . inside('Location /shop', $certificate), 'the keys of a file or for a certificate'],
    'a key file in a section of a certificate' => [$certificate . inside('Location /shop', "# wrong:\n$line"), 'both are in force here'],
    'a private key alone'     => ["SessionCryptoKeyFile keys\nSessionCryptoCertificateKeyFile cert.key\n", 'no certificate'],
    'two words'               => ["SessionCryptoKeyFile keys more\n", 'takes one argument'],
);
for my $name (sort keys %TOGETHER) {
    ($httpd->{config}, my @words) = @{ $TOGETHER{$name} };
    is_wrong($httpd, $name, @words);
}
my %MEETING = (
    'a certificate' => [inside('Directory @DIR@/htdocs/shop', $certificate) . inside('Location /shop', "# wrong:\n$line"), 'has both, and no session'],
    'a CBC cipher'  => [inside('Directory @DIR@/htdocs/shop', 'SessionCryptoCipher aes256') . inside('Location /shop', "# wrong:\n$line"), 'has no cipher that seals with its keys'],
);
for my $name (sort keys %MEETING) {
    ($httpd->{config}, my @words) = @{ $MEETING{$name} };
    is_warned($httpd, "a key file in a location, $name in a directory", @words);
}

# Programs.
my %PROGRAM = (
    'printed nothing'  => ["#!/bin/sh\n", 'exec:@ printed nothing: it must print the JWK Set'],
    'fails'            => ["#!/bin/sh\nexit 3\n", 'exec:@ failed with exit status 3: it must print the JWK Set'],
    'prints no set'    => ["#!/bin/sh\necho no\n", 'exec:@ printed a text that is not JSON'],
    'prints too much'  => ["#!/bin/sh\nexec head -c 65537 /dev/zero\n", 'exec:@ printed a text that is larger than 64 KiB'],
);
$httpd->{config} = qq(SessionCryptoKeyFile "exec:program --for sessions"\n);
for my $name (sort keys %PROGRAM) {
    my ($script, $words) = @{ $PROGRAM{$name} };
    $httpd->write_file('program', $script, 0755);
    is_wrong($httpd, "a program $name", $words =~ s/@/$dir\/program/r);
}

# Rights.
$httpd->{config} = $line;
my %EXPOSED = (0604 => 'may be read by every user', 0620 => 'may be written by others', 0666 => 'may be read');
for my $mode (sort keys %EXPOSED) {
    $httpd->write_file('keys', key_set($one), $mode);
    is_warned($httpd, sprintf('mode %04o', $mode), "SessionCryptoKeyFile: $dir/keys $EXPOSED{$mode}", 'chmod');
}
$httpd->write_file('keys', key_set($one), 0640);
is_quiet($httpd, 'a file that a group may read');
$httpd->{config} = $line . "SessionCryptoPassphrase short\n";
is_warned($httpd, 'a weak passphrase beside it', 'shorter than 16 bytes');

# Which key seals.
my %SEALS = (
    'the only one'               => [[key('a')], 'a'],
    'the newest that has begun'  => [[key('a', nbf => $now - 20), key('b', nbf => $now - 10), key('c', nbf => $now + HOUR)], 'b'],
    'in any order'               => [[key('b', nbf => $now - 10), key('c', nbf => $now + HOUR), key('a', nbf => $now - 20)], 'b'],
    'none that has ended'        => [[key('a'), key('b', nbf => $now - 10, exp => $now - 5)], 'a'],
    'the later of equals'        => [[key('a', nbf => $now - 10), key('b', nbf => $now - 10)], 'b'],
    'the later without a date'   => [[key('a'), key('b')], 'b'],
    'a date before none'         => [[key('a', nbf => $now - 10), key('b')], 'a'],
    'of 16 bytes'                => [[key('a', k => random_key(16))], 'a'],
    'of 24 bytes'                => [[key('a', k => random_key(24), alg => 'A192KW')], 'a'],
    'without a kid'              => [[key(undef, k => $k)], thumbprint($k)],
);
my %file = map { my $name = tr/ /-/r; $name => $_ } keys %SEALS;
$httpd->write_file("sets/$_", key_set(@{ $SEALS{ $file{$_} }[0] }), 0600) for keys %file;
$httpd->write_file('keys', key_set($one), 0600);
$httpd->write_file('other', key_set(key('one')), 0600);
$httpd->write_file('again', key_set($one), 0600);
$httpd->write_file('program', qq(#!/bin/sh\necho run >> "$dir/runs"\nexec cat "$dir/keys"\n), 0755);
$httpd->{config} = join '', map({ inside("Location /sets/$_", "SessionCryptoKeyFile sets/$_") } sort keys %file), <<'END';
SessionCryptoKeyFile keys
<Location /other>
    SessionCryptoKeyFile other
</Location>
<Location /twice>
    SessionCryptoKeyFile other
    SessionCryptoKeyFile keys
</Location>
<Location /program>
    SessionCryptoKeyFile "exec:program --for sessions"
</Location>
<Location /purpose>
    SessionCryptoPurpose https://shop.example/
</Location>
<Location /128>
    SessionCryptoCipher aes-128-gcm aes-256-gcm
</Location>
END
unlink "$dir/runs";
$httpd->start;
my $client = $httpd->client;
for my $name (sort keys %SEALS) {
    my $path = '/sets/' . $name =~ tr/ /-/r;
    my $token = $client->get($path, 'X-S' => 'user=joe')->token;
    is(key_id($token), $SEALS{$name}[1], "seals: $name");
    is($client->get($path, session => $token)->body, 'user=joe', "and opens: $name");
}
my $token = $client->get('/', 'X-S' => 'user=joe')->token;
my $segment = qr/[\w-]+/;
like($token, qr/\A$segment\.$segment\.$segment\.$segment\.$segment\z/, 'a token is a JWE');
is($client->get('/twice', session => $token)->body, 'user=joe', 'a later line replaces an earlier one');
is($client->get('/program', session => $token)->body, 'user=joe', 'a program gives the same keys as the file');
is(scalar(() = slurp("$dir/runs") =~ /run/g), 2, 'and ran once for each reading of the configuration');
is($client->get('/128', session => $token)->body, 'user=joe', 'ciphers are a list');
like($client->get('/128', session => $token)->token, qr/\A$segment\./, 'and the first seals again');

$client->get('/other', session => $token);
my ($refused) = $httpd->log->lines(qr/session refused/);
like($refused, qr/the token's tag is wrong|encrypted key does not open/, 'another key of the same id does not open');
my $foreign = $client->get('/sets/in-any-order', 'X-S' => 'user=joe')->token;
my $answer = $client->get('/', session => $foreign);
is($answer->body, '', 'a token under an unknown key is no session');
is($answer->token, undef, 'and its cookie stays');
my @lines = $httpd->log->lines(qr/session refused/);
like($lines[-1], qr/no key of this section's JWK Set has the token's key id, b$/, 'the log names the key id');

my $bound = $client->get('/purpose', 'X-S' => 'user=joe')->token;
is($client->get('/purpose', session => $bound)->body, 'user=joe', 'a purpose goes with a key file');
is($client->get('/', session => $bound)->body, '', 'and keeps sessions apart');

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*session refused/, 'tokens of other sections');
$httpd->log->clean;

subtest 'a key that has begun on another server' => sub {
    my ($late, $next) = (key('late', nbf => $now - 10), key('next', nbf => $now + HOUR));
    my $ahead = SessionCrypto::Httpd->new(name => 'key-file-ahead', config => $line);
    $ahead->write_file('keys', key_set({ %$late }, { %$next, nbf => $now - 5 }), 0600);
    my $behind = SessionCrypto::Httpd->new(name => 'key-file-behind', config => $line);
    $behind->write_file('keys', key_set($late, $next), 0600);
    $_->start for $ahead, $behind;
    my $new = $ahead->client->get('/', 'X-S' => 'user=joe')->token;
    is(key_id($new), 'next', 'seals there');
    my $answer = $behind->client->get('/', session => $new);
    is($answer->body, 'user=joe', 'opens here');
    is($answer->token, undef, 'and is not stale');
    my $old = $behind->client->get('/', 'X-S' => 'user=joe')->token;
    is(key_id($old), 'late', 'this server seals under the one before');
    is(key_id($ahead->client->get('/', session => $old)->token), 'next', 'which the other seals again');
    like(($ahead->log->lines(qr/older key/))[0] // '', qr/\[session_crypto:debug\] .*session opened under an older key, it will be saved under the newest/, 'and says so');
    $_->stop for $ahead, $behind;
    $_->log->clean for $ahead, $behind;
};

subtest 'migration from passphrases' => sub {
    my %BEFORE = (classic => '', jwe => "SessionCryptoCipher aes-256-gcm\n");
    my $passphrase = "SessionCryptoPassphrase old-passphrase-of-tests\n";
    my %token;
    for my $format (sort keys %BEFORE) {
        my $before = SessionCrypto::Httpd->new(name => "key-file-$format", config => $passphrase . $BEFORE{$format})->start;
        $token{$format} = $before->client->get('/', 'X-S' => 'user=joe')->token;
        $before->stop;
        $before->log->clean;
    }
    my $both = SessionCrypto::Httpd->new(name => 'key-file-both', config => $passphrase . $line . <<'END');
<Location /jwe>
    SessionCryptoCipher aes-256-gcm
</Location>
<Location /lists>
    SessionCryptoCipher aes-256-gcm aes256
</Location>
<Location /purpose>
    SessionCryptoPurpose https://shop.example/
</Location>
END
    $both->write_file('keys', key_set($one), 0600);
    $both->start;
    my $client = $both->client;
    for my $path ('/', '/jwe', '/lists', '/purpose') {
        for my $format (sort keys %token) {
            my $opens = $path ne '/purpose' && ($path ne '/jwe' || $format eq 'jwe');
            my $answer = $client->get($path, session => $token{$format});
            is($answer->body, $opens ? 'user=joe' : '', "$path: a $format token of the passphrase " . ($opens ? 'opens' : 'does not open'));
            is(key_id($answer->token), 'one', 'and is sealed again under the key set') if $opens;
        }
    }
    $both->stop;
    $both->log->expect(qr/\[session_crypto:info\] .*session refused/, 'classic tokens where none is accepted');
    $both->log->clean;
};

subtest 'passphrases of .htaccess' => sub {
    my $server = SessionCrypto::Httpd->new(name => 'key-file-htaccess', config => <<'END');
SessionCryptoKeyFile keys
<Location /own/location>
    SessionCryptoKeyFile keys
</Location>
<Location /own/late>
    SessionCryptoPassphrase passphrase-of-the-server
</Location>
<Location /own/late/cipher>
    SessionCryptoCipher aes-192-gcm
</Location>
END
    $server->write_file('keys', key_set($one), 0600);
    $server->write_file("htdocs/own/$_", '') for 'page', 'location', 'late/page', 'late/cipher/page';
    $server->write_file('htdocs/own/.htaccess', "SessionCryptoPassphrase passphrase-of-the-author\nSessionCryptoCipher aes-256-gcm\n");
    $server->write_file('htdocs/key/.htaccess', "SessionCryptoKeyFile keys\n");
    $server->write_file('htdocs/key/page', '');
    $server->start;
    my $client = $server->client;
    my $token  = $client->get('/', 'X-S' => 'user=joe')->token;
    is($client->get('/own/page', session => $token)->body, '', 'take the place of the key file');
    my $own = $client->get('/own/page', 'X-S' => 'user=admin')->token;
    isnt(key_id($own), 'one', 'and seal');
    is($client->get('/own/page', session => $own)->body, 'user=admin', 'and open');
    my $answer = $client->get('/own/location', session => $own);
    is($answer->body, '', 'but not in a section with a key file that is merged after them');
    is($client->get('/own/location', session => $token)->body, 'user=joe', 'where the key file is in force');
    for my $path ('/own/late/page', '/own/late/cipher/page') {
        is(key_id($client->get($path, 'X-S' => 'user=joe')->token), 'one', "$path: passphrases of the server that are merged after them bring the key file back");
        is($client->get($path, session => $own)->body, '', 'and their own tokens do not open');
    }
    is($client->get('/key/page')->status, 500, 'a key file is not allowed there');
    $server->stop;
    $server->log->expect(qr/\[session_crypto:info\] .*session refused/, 'tokens of other sections');
    $server->log->expect(qr{\[core:alert\] .*/\.htaccess: SessionCryptoKeyFile not allowed here}, 'a key file in .htaccess');
    $server->log->clean;
};

subtest 'realms' => sub {
    my $server = SessionCrypto::Httpd->new(name => 'key-file-realms', config => <<'END');
SessionCryptoKeyFile keys
ErrorDocument 404 /same/page
<Location /same>
    SessionCryptoKeyFile ./keys
</Location>
<Location /other>
    SessionCryptoKeyFile again
    ErrorDocument 404 /same/page
</Location>
END
    # Names that are not UTF-8, and alike where they are shown.
    $server->{config} .= <<"END" for "\xfe", "\xff";
<Location /byte-$_>
    SessionCryptoKeyFile keys-$_
    ErrorDocument 404 /byte-\xff/page
</Location>
END
    $server->{echo} = "^/(?:same/page|page|byte-\xff/page)";
    $server->write_file($_, key_set($one), 0600) for 'keys', 'again', "keys-\xfe";
    $server->write_file("keys-\xff", key_set(key('other')), 0600);
    $server->start;
    my $client = $server->client;
    my $token = $client->get('/page', 'X-S' => 'user=joe')->token;
    is($client->get('/missing', session => $token)->body, 'user=joe', 'a redirect within a file keeps the session');
    is($client->get('/other/missing', session => $token)->body, 'user=joe', 'another file reads the cookie by itself');
    is($client->get('/byte-%fe/missing', session => $token)->body, '', 'also one whose name differs in a byte that is no text');
    $server->stop;
    $server->log->expect(qr/:info\] .*session refused, .*, one$/, 'the cookie there');
    $server->log->clean;
};

subtest 'levels' => sub {
    my @levels = grep { $_ ne 'htaccess' } @LEVELS;
    my $server = SessionCrypto::Httpd->new(name => 'key-file-levels');
    $server->write_file("keys-$_", key_set(key($_)), 0600) for @levels;
    my $lines = sub { return ["SessionCryptoKeyFile keys-$_[0]"] };
    my @cases = map { my $inner = $_; map { [$_, $inner] } grep { $_ ne 'htaccess' } outer($inner) } @levels;
    my @hosts = grep { $cases[$_][0] ne 'server' } 0 .. $#cases;
    $server->{config} = join "\n", $lines->('server')->@*, map({ host($server, $_, { map { $_ => $lines->($_) } $cases[$_]->@* }) } @hosts),
        host($server, 'none', {});
    $server->start;
    for my $number (@hosts) {
        my $token = $server->client(host => "case$number")->get('/in/nested', 'X-S' => 'user=joe')->token;
        is(key_id($token), $cases[$number][1], "the key file of $cases[$number][1] wins over that of $cases[$number][0], and of the server");
    }
    is(key_id($server->client(host => 'casenone')->get('/in/nested', 'X-S' => 'user=joe')->token), 'server', 'which is inherited');
    $server->stop;
    $server->log->clean;
};

subtest 'keys that end' => sub {
    my $server = SessionCrypto::Httpd->new(name => 'key-file-end', config => $line);
    my $end    = int(time) + HOUR;
    $server->write_file('keys', key_set(key('short', exp => $end), key('to-come', nbf => $end + 2 * HOUR)), 0600);
    {
        local $ENV{SESSION_CRYPTO_CLOCK} = $server->write_file('clock', 0);
        local $ENV{LD_PRELOAD} = preload($server->dir, qw(clock haste));
        $server->start;
    }
    my $client = $server->client;
    my $token  = $client->get('/', 'X-S' => 'user=joe')->token;
    is($client->get('/', session => $token)->body, 'user=joe', 'open until then');
    $server->write_file('clock', HOUR);
    my $answer = $client->get('/', session => $token);
    is($answer->body, '', 'and not after it');
    is($client->get('/', 'X-S' => 'user=joe')->token, undef, 'without another key nothing is sealed, and nothing goes out in clear');
    $server->log->expect(qr/\[session_crypto:info\] .*session refused, .* the key of this section's JWK Set with the token's key id has ended, short$/, 'the ended key');
    $server->log->expect(qr/\[session_crypto:info\] .*session not sealed, and not saved: no key of the section's JWK Set has begun and not ended/, 'no key');
    $server->log->expect(qr/\[session:error\] .*AH01820/, 'what mod_session says of it');
    my $complaints = sub { return $server->log->lines(qr/\[session_crypto:error\] .*sessions cannot be sealed: \S+ has no key that has begun and not ended/) };
    my $deadline = time + 30;
    sleep 0.1 until $complaints->() || time > $deadline;
    is(scalar(() = $complaints->()), 1, 'the parent says so');
    $server->log->expect(qr/\[session_crypto:error\] .*sessions cannot be sealed: /, 'the same');
    $server->stop;
    $server->log->clean;
};

subtest 'httpd -X' => sub {
    my $server = SessionCrypto::Httpd->new(name => 'key-file-x', config => $line);
    $server->write_file('keys', key_set($one), 0600);
    $server->{flags} = ['-X'];
    $server->start;
    my $token = $server->client->get('/', 'X-S' => 'user=joe')->token;
    is(key_id($token), 'one', 'seals with the key file');
    my @said = $server->log->lines(qr/\[session_crypto:notice\] .*key files are read only now, and not when they change, because httpd has only one process/);
    is(@said, 1, 'and says once that it will not be read again');
    $server->log->expect(qr/key files are read only now/, 'the same');
    $server->stop;
    $server->log->clean;
};

done_testing;

# RFC 7638, section 3.
sub thumbprint {
    my ($k) = @_;
    return encode_base64url(sha256(qq({"k":"$k","kty":"oct"})));
}

sub slurp {
    my ($path) = @_;
    open my $file, '<', $path or return '';
    local $/;
    return <$file>;
}
