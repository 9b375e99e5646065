# Passphrase files as editors save them, files that other users may read, and
# passphrases that can be guessed.

use strict;
use warnings;

use Encode     qw(encode);
use Test::More;

use SessionCrypto::Certificates qw(certificate key_in);
use SessionCrypto::Httpd        ();
use SessionCrypto::Startup      qw(SECRET is_accepted is_quiet is_warned is_wrong);

my $httpd = SessionCrypto::Httpd->new(name => 'startup-passphrases');
my $dir   = $httpd->dir;
my $file  = "SessionCryptoPassphraseFile passphrases\n";

# The file's content, the line at fault, words of the message.
my %WRONG = (
    'UTF-16, little end first'    => ["\xff\xfe" . encode('UTF-16LE', SECRET . "\n"), 1, 'UTF-16', 'UTF-8'],
    'UTF-16, big end first'       => ["\xfe\xff" . encode('UTF-16BE', SECRET . "\n"), 1, 'UTF-16', 'UTF-8'],
    'UTF-16 without a mark'       => [encode('UTF-16LE', SECRET . "\n"), 1, 'NUL', 'UTF-16', 'UTF-8'],
    'UTF-16, big end, without a mark' => [encode('UTF-16BE', SECRET . "\n"), 1, 'NUL', 'UTF-16', 'UTF-8'],
    'UTF-32'                      => ["\xff\xfe\0\0" . encode('UTF-32LE', SECRET . "\n"), 1, 'UTF-16', 'UTF-8'],
    'a NUL byte'                  => [SECRET . "\n" . SECRET . "\0more\n", 2, 'NUL'],
    'a NUL byte at the end'       => [SECRET . "\n\0", 2, 'NUL'],
    'a NUL byte in a comment'     => ["# a\0b\n" . SECRET . "\n", 1, 'NUL'],
    'a JWK Set'                   => [qq({"keys":[\n{"kty":"oct","kid":"one","k":"${\SECRET}"}\n]}\n), 1, 'a JWK Set', 'write SessionCryptoKeyFile'],
    'an open quote'               => [qq("${\SECRET}\n), 1, 'quote', 'not closed', 'end the passphrase with the quote that it begins with'],
    'an open single quote'        => ["# a comment\n\n'${\SECRET}\n", 3, 'quote', 'not closed'],
    'the other quote at its end'  => [qq("${\SECRET}'\n), 1, 'not closed'],
    'a quote with a backslash'    => [qq("${\SECRET}\\"\n), 1, 'not closed'],
    'an open quote after a good passphrase' => [qq(${\SECRET} "${\SECRET}-other\n), 1, 'not closed'],
    'an open quote of joined lines' => [qq("${\SECRET}\\\n${\SECRET}\n), 2, 'not closed'],
    'a line of 8192 bytes'        => [SECRET . "\n" . 'x' x 8192, 2, 'longer than 8191 bytes', 'write fewer passphrases on a line'],
    'a byte order mark alone'     => ["\xef\xbb\xbf", 0, 'no passphrase'],
    'a mark and a comment'        => ["\xef\xbb\xbf# ${\SECRET}\n", 0, 'no passphrase'],
    'more than a file may have'   => ["# a comment\n" x 100_000, 0, 'larger than 1048576 bytes'],
);
$httpd->{config} = $file;
for my $name (sort keys %WRONG) {
    my ($content, $line, @words) = @{ $WRONG{$name} };
    $httpd->write_file('passphrases', $content, 0600);
    is_wrong($httpd, $name, "$dir/passphrases" . ($line ? " line $line: " : ' '), @words);
}
$httpd->{config} = "SessionCryptoPassphraseFile htdocs\n";
is_wrong($httpd, 'a directory', "$dir/htdocs is a directory", 'write the name of a file');
$httpd->{config} = "SessionCryptoPassphraseFile /dev/null\n";
is_wrong($httpd, 'a device', '/dev/null is not a file');

# Contents that mean the same as the passphrase alone.
my @same = (
    "\xef\xbb\xbf${\SECRET}\n", "\xef\xbb\xbf\"${\SECRET}\"\r\n", "\xef\xbb\xbf\n\n${\SECRET}", "\xef\xbb\xbf# don't\n${\SECRET}\n",
    "${\SECRET}\r\n", "  ${\SECRET} # don't\n", substr(SECRET, 0, 5) . "\\\n" . substr(SECRET, 5) . "\n",
);
{
    my @names = map { "same-$_" } 0 .. $#same;
    $httpd->write_file($names[$_], $same[$_], 0600) for 0 .. $#same;
    $httpd->{config} = join '', "SessionCryptoPassphrase ${\SECRET}\n", map { "<Location /$_>\nSessionCryptoPassphraseFile $_\n</Location>\n" } @names;
    $httpd->start;
    my $client = $httpd->client;
    my $token  = $client->get('/', 'X-S' => 'user=joe')->token;
    is($client->get("/$_", session => $token)->body, 'user=joe', "$_ has this passphrase") for @names;
    $httpd->stop;
    $httpd->log->clean;
}

# Rights to the file. Its group may read it, so that servers without root can.
my $wrong = "# wrong:\n";
$httpd->{config} = $wrong . $file . "<Location /a>\n</Location>\n<VirtualHost *>\n</VirtualHost>\n<VirtualHost *>\n</VirtualHost>\n";
for my $mode (0604, 0644, 0666, 0660, 0620) {
    $httpd->write_file('passphrases', SECRET . "\n", $mode);
    my @words = $mode & 04 ? ('read by every user', 'chmod o-rwx') : ('written by others', 'chmod go-w');
    is_warned($httpd, sprintf('a file of mode %o', $mode), 'SessionCryptoPassphraseFile', "$dir/passphrases may be", @words);
}
for my $mode (0400, 0600, 0640) {
    $httpd->write_file('passphrases', SECRET . "\n", $mode);
    is_quiet($httpd, sprintf('a file of mode %o', $mode));
}

# Passphrases that can be guessed. No message shows one.
my %WEAK = (
    'fifteen bytes'               => ['kV3jq0ZcUq1n2wL', 'shorter than 16 bytes'],
    'one byte'                    => ['7', 'tried first'],
    map({ $_ => [$_, 'tried first'] } qw(secret SECRET changeme ChangeMe password passphrase passphrasepassphrase xxxxxxxxxxxxxxxxxxxx)),
    'with spaces'                 => ['correct horse battery staple', 'tried first'],
);
$httpd->write_file('bin/print', "#!/bin/sh\necho \"\$1\"\n", 0755);
for my $name (sort keys %WEAK) {
    my ($passphrase, $says) = @{ $WEAK{$name} };
    my $hosts = "<Location /a>\nSession On\n</Location>\n<VirtualHost *>\n</VirtualHost>\n<VirtualHost *>\n</VirtualHost>\n";
    for my $lines (qq(SessionCryptoPassphrase "$passphrase"\n), "SessionCryptoPassphrase ${\SECRET} \"$passphrase\" \"$passphrase\"\n",
        qq(SessionCryptoPassphrase "exec:bin/print '$passphrase'"\n)) {
        $httpd->{config} = $wrong . $lines . $hosts;
        my $output = is_warned($httpd, "$name: " . $lines =~ s/\n//r, 'SessionCryptoPassphrase: a passphrase ', $says, 'openssl rand -base64 32');
        unlike($output, qr/: [^:]*\Q$passphrase\E/, 'which does not show it') if length $passphrase > 10 && $passphrase !~ /passphrase/i;
    }
    $httpd->write_file('passphrases', qq(# a comment\n${\SECRET}\n"$passphrase"\n), 0600);
    $httpd->{config} = $wrong . $file . $hosts;
    is_warned($httpd, "$name, in a file", "SessionCryptoPassphraseFile: $dir/passphrases line 3: a passphrase ", $says);
}
$httpd->{config} = "SessionCryptoPassphrase kV3jq0ZcUq1n2wLx\n";
is_quiet($httpd, 'sixteen bytes');
# The main server may have requests of its own, which come to another port.
$httpd->{config} = "${wrong}SessionCryptoPassphrase secret\n<VirtualHost *>\nSessionCryptoPassphrase ${\SECRET}\n</VirtualHost>\n";
is_warned($httpd, 'a short passphrase that another one replaces in each host', 'tried first');

# A cookie does not help to guess the passphrase of a private key, and a PIN is short.
my $pair = certificate($dir, 'a', 'ec:P-256');
key_in('encrypted PKCS#8', $pair, "$dir/locked.key", '1234');
$httpd->{config} = "SessionCryptoCertificateFile a.pem\nSessionCryptoCertificateKeyFile locked.key\nSessionCryptoPassphrase 1234\n";
is_quiet($httpd, 'the passphrase of a private key');

# A request brings no warnings; httpd's start brings each once.
{
    $httpd->write_file('passphrases', "secret\n", 0644);
    $httpd->{config} = $file . "<Location /a>\nSession On\n</Location>\n<VirtualHost *>\n</VirtualHost>\n";
    $httpd->write_file('htdocs/in/.htaccess', "SessionCryptoPassphrase changeme\n");
    $httpd->start;
    like($httpd->client->get('/in/', 'X-S' => 'user=joe')->token // '', qr/^[\w+\/]/, 'a short passphrase of .htaccess seals');
    $httpd->stop;
    my @warnings = $httpd->log->lines(qr/\[session_crypto:warn\]/);
    is(scalar(@warnings), 2, 'error_log has each warning once') or diag(join "\n", @warnings);
    $httpd->log->expect(qr/SessionCryptoPassphraseFile: .* may be read by every user/, 'the one of the file');
    $httpd->log->clean;
}

done_testing;
