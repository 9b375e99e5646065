# Mistakes that can be known at startup: `httpd -t` refuses each with file, line and the
# words to write instead, and shows no secret. It accepts the rest, which means what it
# says.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(HTACCESS SECRET is_accepted is_wrong line_of);

# Files below the server's directory, with the mode of those that are not plain.
my %FILES = (
    'keys/empty'           => [''],
    'keys/blank'           => ["\n  \n\t\n"],
    'keys/comment'         => ["# ${\SECRET}\n   # ${\SECRET}\n"],
    'keys/good'            => [qq(# a comment\n${\SECRET}-new "${\SECRET} old" # another\n), 0600],
    'keys/unreadable'      => [SECRET, 0],
    'keys/empty-quotes'    => [qq(${\SECRET}\n\n""\n)],
    'keys/exec-missing'    => ["# a comment\n${\SECRET}\nexec:bin/missing\n"],
    'keys/exec-fails'      => ["exec:bin/fail\n"],
    'keys/exec-silent'     => ["${\SECRET} exec:bin/silent\n"],
    'keys/exec-nothing'    => ["\nexec:\n"],
    'keys/exec-good'       => [qq("exec:bin/print 'two words'"\n), 0600],
    'bin/fail'             => ["#!/bin/sh\necho ${\SECRET}\nexit 3\n", 0755],
    'bin/silent'           => ["#!/bin/sh\nexit 0\n", 0755],
    'bin/empty-line'       => ["#!/bin/sh\necho\necho ${\SECRET}\n", 0755],
    'bin/nul'              => ["#!/bin/sh\nprintf '${\SECRET}\\000more'\n", 0755],
    'bin/killed'           => ["#!/bin/sh\nkill -9 \$\$\n", 0755],
    'bin/print'            => [qq(#!/bin/sh\nprintf '%s\\n' "\$1"\necho ignored\n), 0755],
    # Leaves a program behind that holds the output open for a while.
    'bin/agent'            => ["#!/bin/sh\necho agent\nsleep 30 &\n", 0755],
    'bin/talkative'        => ["#!/bin/sh\nyes\n", 0755],
    "keys/caf\xe9"         => ["latin\n", 0600],
    'bin/print-no-newline' => [qq(#!/bin/sh\nprintf '%s' "\$1"\n), 0755],
    'bin/plain-file'       => ["#!/bin/sh\necho ${\SECRET}\n", 0644],
);

# name => [fragment, words of the message ...]. The line at fault is the last one that
# sets a directive of ours.
my %WRONG = (
    'an empty passphrase file'        => ['SessionCryptoPassphraseFile keys/empty', 'keys/empty', 'no passphrase', 'on a line of its own'],
    'a blank passphrase file'         => ['SessionCryptoPassphraseFile keys/blank', 'keys/blank', 'no passphrase'],
    'a comment-only passphrase file'  => ['SessionCryptoPassphraseFile keys/comment', 'keys/comment', 'no passphrase'],
    'an empty file after a passphrase' => ["SessionCryptoPassphrase ${\SECRET}\nSessionCryptoPassphraseFile keys/empty", 'keys/empty', 'no passphrase'],
    'a missing passphrase file'       => ['SessionCryptoPassphraseFile keys/missing', 'keys/missing', 'cannot be read (No such file or directory): write the name of a file that holds the passphrases'],
    'an unreadable passphrase file'   => ['SessionCryptoPassphraseFile keys/unreadable', 'keys/unreadable', 'cannot be read (Permission denied): write'],
    'a directory as passphrase file'  => ['SessionCryptoPassphraseFile keys', 'keys', 'is a directory', 'write'],
    'an empty file name'              => ['SessionCryptoPassphraseFile ""', 'SessionCryptoPassphraseFile'],
    'a file name that is too long'    => ['SessionCryptoPassphraseFile ' . 'x' x 5000, 'is not the name of a file'],
    'no file name'                    => ['SessionCryptoPassphraseFile', 'SessionCryptoPassphraseFile'],
    'two file names'                  => ['SessionCryptoPassphraseFile keys/good keys/good', 'one argument'],
    'a missing program'               => ['SessionCryptoPassphrase exec:bin/missing', 'exec:', 'bin/missing cannot be run (No such file or directory): write the path of a program'],
    'a missing program, absolute'     => ['SessionCryptoPassphrase exec:@DIR@/bin/missing', 'exec:', 'bin/missing cannot be run (No such file or directory): write'],
    'a program that is not executable' => ['SessionCryptoPassphrase exec:bin/plain-file', 'exec:', 'bin/plain-file', 'Permission denied'],
    'a directory as program'          => ['SessionCryptoPassphrase exec:bin', 'exec:', 'Permission denied'],
    'a path of a program that is too long' => ['SessionCryptoPassphrase exec:' . 'x' x 5000, 'exec:', 'is not a path'],
    'a failing program'               => ['SessionCryptoPassphrase exec:bin/fail', 'exec:', 'bin/fail', 'exit status 3', 'exit with status 0'],
    'a failing program with arguments' => ["SessionCryptoPassphrase 'exec:bin/fail ${\SECRET}'", 'exec:', 'bin/fail', 'exit status 3'],
    'a killed program'                => ['SessionCryptoPassphrase exec:bin/killed', 'exec:', 'bin/killed', 'signal 9'],
    'a silent program'                => ['SessionCryptoPassphrase exec:bin/silent', 'exec:', 'bin/silent', 'printed nothing'],
    'an empty first line'             => ['SessionCryptoPassphrase exec:bin/empty-line', 'exec:', 'bin/empty-line', 'empty passphrase', 'the first line must be'],
    'a NUL byte on the first line'    => ['SessionCryptoPassphrase exec:bin/nul', 'exec:', 'bin/nul', 'printed a NUL byte'],
    'a program without an end'        => ['SessionCryptoPassphrase exec:bin/talkative', 'exec:', 'bin/talkative', 'failed with'],
    'too many passphrases'            => ["SessionCryptoPassphrase ${\SECRET}\n" . ('SessionCryptoPassphrase ' . 'p ' x 512 . "\n") x 2, 'more than 1024 passphrases', 'take out those not in use'],
    'exec: and nothing after it'      => ['SessionCryptoPassphrase exec:', 'exec: names no program', 'write exec:/'],
    'exec: and a space after it'      => ['SessionCryptoPassphrase "exec: "', 'exec:', 'program'],
    'a silent program after a passphrase' => ["SessionCryptoPassphrase ${\SECRET} exec:bin/silent", 'exec:', 'printed nothing'],
    'a missing program in the file'   => ['SessionCryptoPassphraseFile keys/exec-missing', 'keys/exec-missing', 'line 3', 'bin/missing'],
    'a failing program in the file'   => ['SessionCryptoPassphraseFile keys/exec-fails', 'keys/exec-fails', 'line 1', 'exit status 3'],
    'a silent program in the file'    => ['SessionCryptoPassphraseFile keys/exec-silent', 'keys/exec-silent', 'line 1', 'printed nothing'],
    'exec: alone in the file'         => ['SessionCryptoPassphraseFile keys/exec-nothing', 'keys/exec-nothing', 'line 2', 'program'],
    'an empty passphrase'             => ['SessionCryptoPassphrase ""', 'empty passphrase', 'take the empty quotes out'],
    'an empty passphrase after a good one' => [qq(SessionCryptoPassphrase ${\SECRET} ""), 'empty passphrase'],
    'an empty passphrase in the file' => ['SessionCryptoPassphraseFile keys/empty-quotes', 'keys/empty-quotes', 'line 3', 'empty passphrase'],
    'no passphrase'                   => ['SessionCryptoPassphrase', 'SessionCryptoPassphrase'],
    'an unknown cipher'               => ['SessionCryptoCipher aes257', 'aes257', 'unknown cipher', 'openssl list -cipher-algorithms'],
    'an unknown cipher after a good one' => ['SessionCryptoCipher aes256 rot13', 'rot13', 'unknown cipher'],
    'an empty cipher'                 => ['SessionCryptoCipher ""', 'unknown cipher'],
    'no cipher'                       => ['SessionCryptoCipher', 'SessionCryptoCipher'],
    'a stream mode'                   => ['SessionCryptoCipher aes-256-ctr', 'aes-256-ctr', 'neither CBC nor AES-GCM', 'aes256 or another name that ends in -cbc'],
    'ECB'                             => ['SessionCryptoCipher aes-256-ecb', 'aes-256-ecb', 'CBC'],
    'CFB'                             => ['SessionCryptoCipher aes-256-cfb', 'aes-256-cfb', 'CBC'],
    'XTS'                             => ['SessionCryptoCipher aes-256-xts', 'aes-256-xts', 'CBC'],
    'a stream cipher'                 => ['SessionCryptoCipher chacha20', 'chacha20', 'CBC'],
    'ChaCha20-Poly1305'               => ['SessionCryptoCipher chacha20-poly1305', 'chacha20-poly1305', 'aes-256-gcm'],
    'CCM'                             => ['SessionCryptoCipher aes-256-ccm', 'aes-256-ccm', 'aes-256-gcm'],
    'OCB'                             => ['SessionCryptoCipher aes-256-ocb', 'aes-256-ocb', 'aes-256-gcm'],
    'GCM of another cipher'           => ['SessionCryptoCipher aria-256-gcm', 'aria-256-gcm', 'aes-256-gcm'],
    'SIV'                             => ['SessionCryptoCipher aes-256-siv', 'aes-256-siv', 'aes-256-gcm'],
    'key wrapping'                    => ['SessionCryptoCipher aes256-wrap', 'aes256-wrap', 'aes-256-gcm'],
    'a name of JWE'                   => ['SessionCryptoCipher A256GCM', 'A256GCM', 'unknown cipher', 'aes256'],
    'an unknown cipher after aes-256-gcm' => ['SessionCryptoCipher aes-256-gcm rot13', 'rot13', 'unknown cipher'],
    'a digest as cipher'              => ['SessionCryptoCipher sha256', 'unknown cipher'],
    'an unknown digest'               => ['SessionCryptoDigest sha257', 'sha257', 'unknown digest', 'openssl list -digest-algorithms'],
    'an empty digest'                 => ['SessionCryptoDigest ""', 'unknown digest'],
    'two digests'                     => ['SessionCryptoDigest sha1 sha256', 'one argument'],
    'a digest that HMAC cannot use'   => ['SessionCryptoDigest shake128', 'shake128', 'cannot be used for HMAC', 'write SHA, SHA256 or SHA512'],
    'another one'                     => ['SessionCryptoDigest shake256', 'shake256', 'HMAC'],
    'a cipher as digest'              => ['SessionCryptoDigest aes-256-cbc', 'unknown digest'],
    'a purpose with CBC ciphers'      => ["SessionCryptoCipher aes256 aes128\nSessionCryptoPurpose shop", 'SessionCryptoPurpose: a purpose takes a cipher', 'SessionCryptoCipher aes-256-gcm'],
    'CBC ciphers after a purpose'     => ["SessionCryptoPurpose shop\nSessionCryptoCipher aes256 aes128", 'SessionCryptoCipher: a purpose takes a cipher', 'SessionCryptoCipher aes-256-gcm'],
    'a purpose with CBC ciphers, in a location' => ["<Location /a>\nSessionCryptoCipher aes256\nSessionCryptoPurpose shop\n</Location>", 'SessionCryptoCipher aes-256-gcm'],
    'no purpose'                      => ['SessionCryptoPurpose', 'takes an argument'],
    'two purposes'                    => ['SessionCryptoPurpose shop mail', 'one argument'],
    'an empty purpose'                => ['SessionCryptoPurpose ""', 'a purpose is', '1 to 128'],
    'a purpose that is too long'      => ['SessionCryptoPurpose ' . 'x' x 129, 'a purpose is', '1 to 128'],
    'a purpose with a quote'          => [q(SessionCryptoPurpose 'the "shop"'), 'a purpose is', 'printable ASCII'],
    'a purpose with a backslash'      => [q(SessionCryptoPurpose 'a\\\\b'), 'a purpose is', 'printable ASCII'],
    'a purpose in UTF-8'              => ["SessionCryptoPurpose caf\xc3\xa9", 'a purpose is', 'printable ASCII'],
    'a purpose in Latin-1'            => ["SessionCryptoPurpose caf\xe9", 'a purpose is', 'printable ASCII'],
    'a purpose with a tab'            => ["SessionCryptoPurpose \"a\tb\"", 'a purpose is', 'printable ASCII'],
    'a purpose with a DEL'            => ["SessionCryptoPurpose a\x7f", 'a purpose is', 'printable ASCII'],
    'driver nss'                      => ['SessionCryptoDriver nss', 'nss', 'openssl'],
    'driver commoncrypto'             => ['SessionCryptoDriver commoncrypto', 'commoncrypto', 'openssl'],
    'an unknown driver'               => ['SessionCryptoDriver gnutls', 'gnutls', 'openssl'],
    'no driver'                       => ['SessionCryptoDriver', 'SessionCryptoDriver'],
    'an unknown driver parameter'     => ['SessionCryptoDriver openssl colour=red', 'colour', 'unknown parameter'],
    'a driver in a virtual host'      => ["<VirtualHost *>\nSessionCryptoDriver openssl\n</VirtualHost>", 'VirtualHost'],
    'a driver in a directory'         => ["<Directory />\nSessionCryptoDriver openssl\n</Directory>", 'SessionCryptoDriver'],
    'a mistake in a virtual host'     => ["<VirtualHost *>\nSessionCryptoPassphrase \"\"\n</VirtualHost>", 'empty passphrase'],
    'a mistake in a location'         => ["<Location /a>\nSessionCryptoCipher rot13\n</Location>", 'unknown cipher'],
);

for my $name (sort keys %WRONG) {
    my ($fragment, @words) = @{ $WRONG{$name} };
    is_wrong(with_files(config => $fragment), $name, @words);
}

# Mistakes between lines, which show when httpd has read all of them. The message names
# the server: by the line of its <VirtualHost>, or as the server configuration.
my %WRONG_TOGETHER = (
    'a purpose without a cipher'               => ["SessionCryptoPurpose shop\n", ''],
    'a purpose outside, CBC in a virtual host' => [
        "SessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose shop\n<VirtualHost *>\nSessionCryptoCipher aes256\n</VirtualHost>", 'VirtualHost'],
    'CBC outside, a purpose in a virtual host' => [
        "SessionCryptoCipher aes256\n<VirtualHost *>\nSessionCryptoPurpose shop\n</VirtualHost>", 'VirtualHost'],
    'a purpose in a virtual host, no cipher'   => ["<VirtualHost *>\nSessionCryptoPurpose shop\n</VirtualHost>", 'VirtualHost'],
    'a purpose in the second virtual host'     => [
        "<VirtualHost *>\nServerName a\nSessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose shop\n</VirtualHost>\n"
            . "<VirtualHost 127.0.0.1>\nServerName b\nSessionCryptoPurpose shop\n</VirtualHost>", 'VirtualHost 127'],
    'a purpose in a location, no cipher'       => ["<Location /a>\nSessionCryptoPurpose shop\n</Location>", ''],
    'a purpose in a location, CBC around it'   => [
        "<VirtualHost *>\nSessionCryptoCipher aes256\n<Location /a>\nSessionCryptoPurpose shop\n</Location>\n</VirtualHost>", 'VirtualHost'],
    'CBC in a directory, a purpose around it'  => [
        "SessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose shop\n<Directory />\nSessionCryptoCipher aes256\n</Directory>", ''],
);
for my $name (sort keys %WRONG_TOGETHER) {
    my ($fragment, $host) = @{ $WRONG_TOGETHER{$name} };
    my $httpd = with_files(config => "SessionCryptoPassphrase ${\SECRET}\n$fragment");
    my ($ok, $output) = $httpd->check;
    subtest $name => sub {
        ok(!$ok, 'httpd -t fails');
        my $place = 'in the server configuration';
        $place = 'in the virtual host at line ' . line_of($httpd->conf, "<$host") . ' of ' . $httpd->conf if $host;
        like($output, qr/\Q$place: SessionCryptoPurpose:\E .*\QSessionCryptoCipher aes-256-gcm\E/, "it says $place what to write");
        unlike($output, qr/${\SECRET}/, 'it tells no secret');
    } or diag($output);
}

# httpd reads .htaccess with the request.
my %WRONG_IN_HTACCESS = (
    'exec:'             => ['SessionCryptoPassphrase exec:@DIR@/bin/print', 'not allowed in .htaccess'],
    'exec: after a passphrase' => ["SessionCryptoPassphrase ${\SECRET} exec:bin/print", 'not allowed in .htaccess'],
    'too many passphrases' => ['SessionCryptoPassphrase ' . 'p ' x 33, 'more than 32 passphrases'],
    'a passphrase file' => ['SessionCryptoPassphraseFile @DIR@/keys/good', 'SessionCryptoPassphraseFile not allowed'],
    'an empty passphrase' => ['SessionCryptoPassphrase ""', 'empty passphrase'],
    'an unknown cipher' => ['SessionCryptoCipher rot13', 'unknown cipher'],
    'an unknown digest' => ['SessionCryptoDigest rot13', 'unknown digest'],
    'an AEAD cipher that JWE lacks' => ['SessionCryptoCipher aes-256-ocb', 'aes-256-gcm'],
    # Its author could claim the purpose of a neighbour.
    'a purpose'         => ['SessionCryptoPurpose shop', 'SessionCryptoPurpose not allowed'],
    'a driver'          => ['SessionCryptoDriver openssl', 'SessionCryptoDriver not allowed'],
);
{
    my $httpd = with_files(config => "SessionCryptoPassphrase ${\SECRET}")->start;
    for my $name (sort keys %WRONG_IN_HTACCESS) {
        my ($line, @words) = @{ $WRONG_IN_HTACCESS{$name} };
        $httpd->write_file('htdocs/in/.htaccess', $line =~ s/\@DIR\@/$httpd->dir/er . "\n");
        my $before = () = $httpd->log->lines;
        my $res    = $httpd->client->get('/in/', 'X-S' => 'user=joe');
        my @lines  = $httpd->log->lines;
        my $lines  = join "\n", @lines[$before .. $#lines];
        subtest ".htaccess: $name" => sub {
            is($res->status, 500, 'the request fails');
            is($res->token, undef, 'no session is sent');
            like($lines, qr/\.htaccess: .*\Q$_\E/, "error_log says '$_'") for @words;
            unlike($lines, qr/${\SECRET}/, 'and no secret');
        } or diag($lines);
    }
    $httpd->stop;
    $httpd->log->expect(qr{\[core:alert\] .*/in/${\HTACCESS}}, 'the mistakes above');
    $httpd->log->clean;
}

# [lines, other lines that mean the same, whether the C module agrees]
my @SAME = (
    ['SessionCryptoCipher aes256', '', 1],
    ['SessionCryptoCipher AES256', '', 0],
    ['SessionCryptoCipher aes-256-cbc', '', 0],
    ['SessionCryptoCipher AES-256-CBC', '', 0],
    ['SessionCryptoCipher aes-128-cbc', 'SessionCryptoCipher aes128', 0],
    ['SessionCryptoCipher Aes192', 'SessionCryptoCipher aes192', 0],
    ['SessionCryptoCipher aes-192-cbc', 'SessionCryptoCipher aes192', 0],
    ['SessionCryptoCipher des-ede3-cbc', 'SessionCryptoCipher 3des192', 0],
    ['SessionCryptoCipher 3DES192', 'SessionCryptoCipher 3des192', 0],
    ['SessionCryptoCipher camellia-256-cbc', 'SessionCryptoCipher CAMELLIA-256-CBC', 0],
    ['SessionCryptoDigest SHA', '', 0],
    ['SessionCryptoDigest SHA1', '', 0],
    ['SessionCryptoDigest sha1', '', 0],
    ['SessionCryptoDigest sha256', 'SessionCryptoDigest SHA256', 0],
    ['SessionCryptoDigest sha512', 'SessionCryptoDigest SHA512', 0],
    ['SessionCryptoDigest SHA2-256', 'SessionCryptoDigest SHA256', 0],
    ['SessionCryptoDigest sha3-256', 'SessionCryptoDigest SHA3-256', 0],
    ['SessionCryptoCipher aes-256-gcm', 'SessionCryptoCipher AES-256-GCM', 0],
    ['SessionCryptoCipher id-aes256-GCM', 'SessionCryptoCipher aes-256-gcm', 0],
    ['SessionCryptoCipher aes-128-gcm', 'SessionCryptoCipher id-aes128-GCM', 0],
    ["SessionCryptoCipher aes-256-gcm\nSessionCryptoDigest sha256", 'SessionCryptoCipher aes-256-gcm', 0],
    ["SessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose shop", "SessionCryptoPurpose \"shop\"\nSessionCryptoCipher aes-256-gcm", 0],
    ["SessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose mail\nSessionCryptoPurpose shop", "SessionCryptoPurpose shop\nSessionCryptoCipher aes-256-gcm", 0],
    ["SessionCryptoCipher aes256 aes-256-gcm\nSessionCryptoPurpose shop", '', 0],
    ['SessionCryptoPassphrase "exec:bin/print word"', 'SessionCryptoPassphrase word', 1],
    ['SessionCryptoPassphrase "exec:@DIR@/bin/print word"', 'SessionCryptoPassphrase word', 1],
    [q(SessionCryptoPassphrase "exec:bin/print 'two words'"), 'SessionCryptoPassphrase "two words"', 1],
    [q(SessionCryptoPassphrase 'exec:bin/print "two words"'), 'SessionCryptoPassphrase "two words"', 1],
    [q(SessionCryptoPassphrase "exec:bin/print two\\ words"), 'SessionCryptoPassphrase "two words"', 1],
    ['SessionCryptoPassphrase "exec:bin/print-no-newline word"', 'SessionCryptoPassphrase word', 1],
    ['SessionCryptoPassphrase exec:bin/agent', 'SessionCryptoPassphrase agent', 0],
    ["SessionCryptoPassphraseFile keys/caf\xe9", 'SessionCryptoPassphrase latin', 1],
    ['SessionCryptoPassphrase ' . join(' ', 'first', map { "p$_" } 1 .. 99), 'SessionCryptoPassphrase first', 1],
    ['SessionCryptoPassphrase exec', 'SessionCryptoPassphrase "exec"', 1],
    [q(SessionCryptoPassphrase 'single quotes'), 'SessionCryptoPassphrase "single quotes"', 1],
    [q(SessionCryptoPassphrase "with \\"quotes\\""), q(SessionCryptoPassphrase 'with "quotes"'), 1],
    ['SessionCryptoPassphraseFile keys/good', 'SessionCryptoPassphrase ' . SECRET . '-new "' . SECRET . ' old"', 1],
    ['SessionCryptoPassphraseFile @DIR@/keys/good', 'SessionCryptoPassphrase ' . SECRET . '-new', 1],
    ['SessionCryptoPassphraseFile keys/exec-good', 'SessionCryptoPassphrase "two words"', 1],
    ["SessionCryptoPassphraseFile keys/good\nSessionCryptoPassphraseFile keys/exec-good", 'SessionCryptoPassphrase ' . SECRET . '-new', 1],
);
is_same($_) for qw(ours c);

is_accepted(with_files(config => $_), s/\n/, /gr)
    for 'SessionCryptoDriver openssl', 'SessionCryptoDriver OpenSSL', 'SessionCryptoDriver "openssl"',
    # Without a passphrase there are no tokens that would have to carry the purpose.
    'SessionCryptoPurpose shop', "SessionCryptoPassphrase ${\SECRET}\nSessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose shop",
    # A request may be in two sections, of which one names the cipher.
    "SessionCryptoPassphrase ${\SECRET}\n<Location /a>\nSessionCryptoCipher aes-256-gcm\n</Location>\n<Location /a/b>\nSessionCryptoPurpose shop\n</Location>",
    # The main server has no requests of its own where a virtual host has them.
    "SessionCryptoPassphrase ${\SECRET}\nSessionCryptoPurpose shop\n<VirtualHost *>\nSessionCryptoCipher aes-256-gcm\n</VirtualHost>",
    # In an outer section, because an inner one may name the cipher.
    "SessionCryptoPurpose shop\n<Location />\nSessionCryptoPassphrase ${\SECRET}\nSessionCryptoCipher aes-128-gcm\n</Location>",
    map { qq(SessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose "$_") } 'x' x 128, q(the shop's), '{a}&<b>,~', 'https://shop.example/';

done_testing;

sub with_files {
    my $httpd = SessionCrypto::Httpd->new(@_);
    $httpd->write_file($_, @{ $FILES{$_} }) for keys %FILES;
    return $httpd;
}

# Asserts that each of a pair opens the other's tokens.
sub is_same {
    my ($module) = @_;
    my @pairs = grep { $module eq 'ours' || $_->[2] } @SAME;
    my $config = "SessionCryptoPassphrase ${\SECRET}\n";
    for my $number (0 .. $#pairs) {
        $config .= "<Location /$number/$_>\n$pairs[$number][$_]\n</Location>\n" for 0, 1;
    }
    my $httpd  = with_files(module => $module, config => $config)->start;
    my $client = $httpd->client;
    for my $number (0 .. $#pairs) {
        my ($lines, $same) = map { s/\n/, /gr } @{ $pairs[$number] }[0, 1];
        my $token = $client->get("/$number/0", 'X-S' => 'user=joe')->token // '';
        my $back  = $client->get("/$number/1", 'X-S' => 'user=joe')->token // '';
        is_deeply(
            [map { $_->body } $client->get("/$number/1", session => $token), $client->get("/$number/0", session => $back)],
            ['user=joe', 'user=joe'], "$module: $lines means " . ($same || 'the default'));
    }
    $httpd->stop;
    # The C module reads one line of exec: and closes the pipe. A signal then ends a
    # program that writes more, and httpd logs the end of a child.
    $httpd->log->expect(qr/exit signal Broken pipe/, 'bin/print') if $module eq 'c';
    $httpd->log->clean("$module: nothing unexpected in error_log");
}
