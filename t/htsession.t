# The command and httpd read each other's tokens, under each cipher, digest and purpose, and
# with the same files; the C module's tokens too. The command shows sessions as mod_session
# decodes them.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd        ();
use SessionCrypto::Session      qw(decode encode random_session);
use SessionCrypto::System       qw(run write_file);

my $HTSESSION = SessionCrypto::Httpd::env('HTSESSION');

# Name, lines of the configuration, arguments of the command.
my @SECTIONS = (
    ['classic', 'SessionCryptoPassphraseFile words', '-p', 'words'],
    (map { [$_, "SessionCryptoPassphraseFile words\nSessionCryptoCipher $_", '-p', 'words', '--cipher', $_] }
        qw(3des192 aes128 aes192 aes256 aes-128-gcm aes-192-gcm aes-256-gcm)),
    ['digest', "SessionCryptoPassphraseFile words\nSessionCryptoDigest SHA512", '-p', 'words', '--digest', 'SHA512'],
    ['purpose', "SessionCryptoPassphraseFile words\nSessionCryptoCipher aes-256-gcm\nSessionCryptoPurpose shop",
        '-p', 'words', '--cipher', 'aes-256-gcm', '--purpose', 'shop'],
    ['key-set', 'SessionCryptoKeyFile keys', '-k', 'keys'],
    ['key-set-128', "SessionCryptoKeyFile keys\nSessionCryptoCipher aes-128-gcm\nSessionCryptoPurpose shop",
        '-k', 'keys', '--cipher', 'aes-128-gcm', '--purpose', 'shop'],
    ['beside', "SessionCryptoKeyFile keys\nSessionCryptoPassphraseFile words", '-k', 'keys', '-p', 'words'],
    ['rsa', "SessionCryptoCertificateFile rsa.pem\nSessionCryptoCertificateKeyFile rsa.key", '-c', 'rsa.pem', '-K', 'rsa.key'],
    ['ec', "SessionCryptoCertificateFile ec.pem\nSessionCryptoCertificateKeyFile ec.key\nSessionCryptoPurpose shop",
        '-c', 'ec.pem', '-K', 'ec.key', '--purpose', 'shop'],
);

my $sections = join '', map { "<Location /$$_[0]>\n$$_[1]\n</Location>\n" } @SECTIONS;
my $httpd    = SessionCrypto::Httpd->new(config => $sections);
my $dir      = $httpd->dir;
certificate($dir, 'rsa', 'rsa:2048');
certificate($dir, 'ec',  'ec:P-256');

# A line of words that only httpd's own rules take apart.
write_file("$dir/print", "#!/bin/sh\necho from a \"\$1\"\n");
chmod 0755, "$dir/print";
my $words = <<"END";
# the words of this test
'the \\'first\\' of words'#no\\
comment second\\\\word
"exec:$dir/print 'program of two words'"    # and a comment
END
write_file("$dir/words", $words);
chmod 0600, "$dir/words";
htsession('', 'key', '-o', 'keys');
htsession('', 'rotate', 'keys', '--lead', '0') for 1 .. 2;
$httpd->start;
my $client = $httpd->client;

for my $section (@SECTIONS) {
    my ($name, undef, @arguments) = @$section;
    my @sessions = ({ user => 'joe' }, { every => join '', map { chr } 1 .. 255 }, random_session(1 + int rand 2000));
    my @failed;
    for my $session (map { encode($_) } @sessions) {
        my $token = $client->get("/$name", 'X-S' => $session)->token;
        push @failed, "from httpd: $session" if !is_same(htsession('', 'open', @arguments, '--raw', $token), $session);
        my ($made) = htsession($session, 'seal', @arguments) =~ /^(\S+)\n$/;
        push @failed, "to httpd: $session" if !is_same($client->get("/$name", session => $made // '')->body, $session);
    }
    is(@failed, 0, "sessions go both ways with $name") or diag($failed[0]);
}

# A passphrase of the command is one of httpd.
my @WORDS = (
    ["'the \\'first\\' of words'",    'user=joe'],
    ['"from a program of two words"', 'user=joe'],
    ['comment',                       ''],
    ['second\\\\word',                ''],
);
for (@WORDS) {
    my ($word, $expected) = @$_;
    write_file("$dir/word", "$word\n");
    chmod 0600, "$dir/word";
    my ($made) = htsession('user=joe', 'seal', '-p', 'word') =~ /^(\S+)/;
    is($client->get('/classic', session => $made)->body, $expected, "httpd on $word");
    my $opened = htsession('', 'open', '-p', 'words', '--raw', $made);
    is($opened =~ /^failed/ ? '' : $opened, $expected, "the command on $word");
}

# The C module's tokens, each under a salt of its own.
my $c = SessionCrypto::Httpd->new(name => 'c', module => 'c', config => "SessionCryptoPassphrase \"the 'first' of words\"")->start;
for my $session (qw(user=joe expiry=1800000000000000)) {
    my $token = $c->client->get('/', 'X-S' => $session)->token;
    is(htsession('', 'open', '-p', 'words', '--raw', $token), $session, "a token of the C module has $session");
}
my ($made) = htsession('user=joe', 'seal', '-p', 'words') =~ /^(\S+)/;
is($c->client->get('/', session => $made)->body, 'user=joe', 'and the C module opens a token of the command');

# The command shows the entries that mod_session has.
my $every = { map { ("k$_" => join '', map { chr } $_ * 16 .. $_ * 16 + 15) } 2 .. 6 };
my $token = $client->get('/classic', 'X-S' => encode($every))->token;
my %shown = map { /^(k\d)=(.*)$/ } split /\n/, htsession('', 'open', '-p', 'words', $token);
is_deeply(\%shown, $every, 'entries are decoded as mod_session decodes them');

$_->stop for $httpd, $c;
$httpd->log->expect(qr/\[session_crypto:info\] .*session refused/, 'a word that is in a comment');
$httpd->log->expect(qr/browsers may drop the cookie/, 'a session that no cookie would take');
$httpd->log->clean;
$c->log->clean;

done_testing;

# Runs the command in the server's directory, and returns what it printed.
sub htsession {
    my ($input, @arguments) = @_;
    write_file("$dir/input", $input);
    my $command = join ' ', map { "'" . s/'/'\\''/gr . "'" } $HTSESSION, @arguments;
    return eval { run('sh', '-c', "cd '$dir' && $command <input") } // "failed: $@";
}

# mod_session may write the entries in another order.
sub is_same {
    my ($one, $other) = @_;
    return encode(decode($one)) eq encode(decode($other));
}
