# Mistakes in the certificates, keys and engines of .htaccess files show with the
# request. The request fails or keeps no session, and error_log says what to write
# instead, without any secret.

use strict;
use warnings;

use Crypt::Mode::CBC ();
use Digest::MD5  qw(md5);
use MIME::Base64 qw(encode_base64);
use POSIX        qw(mkfifo);
use Test::More;
use Time::HiRes  qw(time);

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate key_in);
use SessionCrypto::Httpd          ();
use SessionCrypto::Startup        qw(HTACCESS SECRET);
use SessionCrypto::System         qw(read_file);

# Seconds that three requests may take while others use the processor too.
use constant PATIENCE => 10;

my $httpd = SessionCrypto::Httpd->new(name => 'startup-htaccess', config => <<'END_OF_CONFIG');
<Directory "@DIR@/htdocs/certificate">
SessionCryptoCertificateFile rsa.pem
SessionCryptoCertificateKeyFile rsa.key
</Directory>
<Directory "@DIR@/htdocs/passphrase">
SessionCryptoPassphrase of-the-server
</Directory>
<Location /elsewhere>
SessionCryptoEngine default
</Location>
END_OF_CONFIG
my $dir  = $httpd->dir;
my %pair = map { $_ => certificate($dir, $_, 'ec:P-256') } qw(ec other);
$pair{$$_[0]} = certificate($dir, @$_) for ['rsa', 'rsa:2048'], ['ed25519', 'ed25519'];
key_in('encrypted PKCS#8', $pair{ec}, "$dir/locked.key", SECRET);
key_in('PKCS#12', $pair{ec}, "$dir/archive.p12", SECRET);
my %slow = (
    'der'        => slow_key(),
    'pem'        => pem(slow_key()),
    'second'     => read_file("$dir/locked.key") . pem(slow_key()),
    # OpenSSL reads these encodings as the same key; other parsers need not.
    'tag-der'    => slow_key(\&long_tag),
    'tag-pem'    => pem(slow_key(\&long_tag)),
    'open-der'   => slow_key(\&indefinite),
    'open-pem'   => pem(slow_key(\&indefinite)),
    'longer-der' => slow_key() . "\0",
    'longer-pem' => pem(slow_key() . "\0"),
    'label'      => pem(slow_key(), 'EC PRIVATE KEY'),
    'older'      => older(slow_key()),
);
$httpd->write_file("slow-$_.key", $slow{$_}) for keys %slow;
my %key = map { $_ => SessionCrypto::CertificateJwe->new(%{ $pair{$_} }) } qw(ec rsa);
$httpd->write_file('empty', '');
$httpd->write_file('text', SECRET);
$httpd->write_file('unreadable', SECRET, 0);
mkfifo("$dir/fifo", 0600) or die "$dir/fifo: $!\n";
# httpd applies a <Directory> section only to a directory that exists.
$httpd->write_file("htdocs/$_/in/.htaccess", '') for qw(none passphrase certificate);
$httpd->start;
my $client = $httpd->client;

my $ec = pair('ec');
# Lines, the status of the answer, and words of error_log. Inherited settings may make
# up for some mistakes; these cases do not run below the server's certificate.
my %WRONG = (
    'a missing certificate'  => [certificate_file('missing'), 500, 'SessionCryptoCertificateFile', 'missing', 'No such file or directory): write', "the user of httpd's children"],
    'a missing key'          => [certificate_file('ec.pem') . key_file('missing'), 500, 'SessionCryptoCertificateKeyFile', 'missing', 'No such file or directory): write', "the user of httpd's children"],
    'an empty file'          => [certificate_file('empty'), 500, 'is empty', 'PEM, DER or PKCS#12'],
    'a file of other text'   => [certificate_file('text'), 500, 'has no certificate', 'PEM, DER or PKCS#12'],
    'a pipe'                 => [certificate_file('fifo'), 500, 'is not a file'],
    'an unreadable key'      => [certificate_file('ec.pem') . key_file('unreadable'), 500, 'unreadable', 'Permission denied'],
    'a key as certificate'   => [certificate_file('ec.key'), 500, 'has no certificate'],
    'a certificate as key'   => [certificate_file('ec.pem') . key_file('ec.pem'), 500, 'has no private key'],
    'a kind of key that cannot be used' => [pair('ed25519'), 500, 'type Ed25519', 'P-256'],
    'a URI as certificate'   => [certificate_file("pkcs11:object=o?pin-value=${\SECRET}"), 500, 'only files', '.htaccess', 'server configuration'],
    'a URI as key'           => [certificate_file('ec.pem') . key_file("pkcs11:object=o?pin-value=${\SECRET}"), 500, 'only files', 'server configuration'],
    'a URI of a file'        => [certificate_file('file:ec.pem'), 500, 'write it without file:'],
    (map { ("a key of 2^31-1 rounds, $_" => [certificate_file('ec.pem') . key_file("slow-$_.key") . "SessionCryptoPassphrase ${\SECRET}\n", 500, 'more rounds', "by 'openssl pkcs8 -topk8'"],
        "as certificate, $_" => [certificate_file("slow-$_.key") . "SessionCryptoPassphrase ${\SECRET}\n", 500, 'more rounds']) } sort keys %slow),
    'PKCS#12'                => [certificate_file('archive.p12') . "SessionCryptoPassphrase ${\SECRET}\n", 500, 'PKCS#12'],
    'PKCS#12 as key'         => [certificate_file('ec.pem') . key_file('archive.p12') . "SessionCryptoPassphrase ${\SECRET}\n", 500, 'PKCS#12'],
    'too many files'         => [certificate_file('ec.pem ' x 9), 500, 'more than 8 files'],
    'too many lines'         => [certificate_file('ec.pem ' x 8) . certificate_file('ec.pem'), 500, 'more than 8 files'],
    'an engine that is not there' => ["SessionCryptoEngine nosuch\n", 500, 'server configuration uses', 'or have it set there'],
    'an engine that the server does not use' => ["SessionCryptoEngine provider:legacy\n", 500, 'server configuration uses'],
    'an engine by another name' => ["SessionCryptoEngine provider:default\n", 500, 'server configuration uses'],
    'an engine that is a path' => ["SessionCryptoEngine ../x\n", 500, 'letters, digits'],
    'a driver'               => ["SessionCryptoDriver openssl engine=default\n", 500, 'SessionCryptoDriver not allowed'],

    'no key'                 => [certificate_file('ec.pem'), 200, 'SessionCryptoCertificateFile', 'ec.pem', 'SessionCryptoCertificateKeyFile'],
    "another's key"          => [certificate_file('ec.pem') . key_file('other.key'), 200, 'ec.pem', 'other.key', "another's"],
    'a key that does not belong to the inherited certificate' => [key_file('other.key'), 200, 'SessionCryptoCertificate'],
    'no passphrase of a key' => [certificate_file('ec.pem') . key_file('locked.key'), 200, 'locked.key', 'is encrypted'],
    'a wrong passphrase'     => [certificate_file('ec.pem') . key_file('locked.key') . "SessionCryptoPassphrase no-${\SECRET}\n", 200, 'locked.key', 'is encrypted'],
    'a CBC cipher'           => ["${ec}SessionCryptoCipher aes256\n", 200, 'SessionCryptoCipher', 'CBC', 'aes-256-gcm'],
    'SHA512 with RSA'        => [pair('rsa') . "SessionCryptoDigest SHA512\n", 200, 'SessionCryptoDigest', 'SHA256'],
    'a second certificate without a key' => [certificate_file('ec.pem other.pem') . key_file('ec.key'), 200, 'other.pem', 'SessionCryptoCertificateKeyFile'],
);
my %outer = (none => undef, passphrase => seal('/passphrase/in/'), certificate => $key{rsa}->token(session => 'user=jane'));
for my $outer (sort keys %outer) {
    fails($_, "/$outer/in/", $outer{$outer}, @{ $WRONG{$_} }) for sort keys %WRONG;
}

# The good counterparts.
for my $outer (sort keys %outer) {
    my $path = "/$outer/in/";
    for my $lines ($ec, certificate_file('ec.pem other.pem') . key_file('other.key ec.key'),
        certificate_file('ec.pem') . key_file('locked.key') . "SessionCryptoPassphrase ${\SECRET}\n",
        "${ec}SessionCryptoDigest SHA512\n", "${ec}SessionCryptoEngine default\n") {
        htaccess($path, $lines);
        is($key{ec}->open(seal($path)), 'user=joe', "$path, " . $lines =~ s/\n(?!\z)/, /gr =~ s/SessionCrypto//gr =~ s/\n//r);
    }
}

$httpd->stop;
$httpd->log->expect(qr{\[core:alert\] .*/in/${\HTACCESS}}, 'a mistake that httpd says');
$httpd->log->expect(qr/\[session(?:_crypto)?:error\] .*\[client /, 'a mistake that shows with the session');
$httpd->log->clean;

done_testing;

# Tries a request that sets a session, one with the token of the section around the
# file, and one with both.
sub fails {
    my ($name, $path, $token, $lines, $status, @words) = @_;
    htaccess($path, $lines);
    my @set = ('X-S' => 'user=joe');
    my @has = defined $token ? (session => $token) : ();
    my $before = () = $httpd->log->lines;
    my $start  = time;
    subtest "$path: $name" => sub {
        for my $headers ([@set], [@has], [@set, @has]) {
            my $res = $client->get($path, @$headers);
            is($res->status, $status, 'the answer');
            is($res->token // '', '', 'no session is sent');
            unlike($res->body, qr/user=/, 'and none is opened');
        }
        cmp_ok(time - $start, '<', PATIENCE, 'all at once');
        my @lines = $httpd->log->lines;
        my $said  = join "\n", @lines[$before .. $#lines];
        my $where = $status == 500 ? qr{/in/\.htaccess: } : qr/\[session_crypto:error\] /;
        like($said, qr/$where.*\Q$_\E/, "error_log says '$_'") for @words;
        unlike($said, qr/${\SECRET}/, 'and no secret');
    };
    return;
}

sub seal { return $client->get($_[0], 'X-S' => 'user=joe')->token // '' }

sub htaccess { return $httpd->write_file("htdocs$_[0].htaccess", $_[1] =~ s/([\w-]+\.(?:pem|key|p12)|missing|empty|text|fifo|unreadable)\b/$dir\/$1/gr) }

sub certificate_file { return "SessionCryptoCertificateFile $_[0]\n" }

sub key_file { return "SessionCryptoCertificateKeyFile $_[0]\n" }

sub pair { return certificate_file("$_[0].pem") . key_file("$_[0].key") }

# An encrypted private key (RFC 5958, section 3) that would take minutes to open, with
# any content: PBKDF2 and AES (RFC 8018, appendix A).
sub slow_key {
    my $outer = $_[0] // \&der;
    my %oid = map { $$_[0] => der(0x06, pack 'H*', $$_[1]) } ['PBES2', '2a864886f70d01050d'], ['PBKDF2', '2a864886f70d01050c'],
        ['HMAC', '2a864886f70d0209'], ['AES', '60864801650304012a'];
    my $kdf = der(0x30, $oid{PBKDF2}, der(0x30, der(0x04, 'saltsalt'), der(0x02, pack 'N', 2**31 - 1), der(0x30, $oid{HMAC}, der(0x05))));
    my $aes = der(0x30, $oid{AES}, der(0x04, "\0" x 16));
    return $outer->(0x30, der(0x30, $oid{PBES2}, der(0x30, $kdf, $aes)), der(0x04, "\0" x 144));
}

sub der {
    my ($tag, @parts) = @_;
    my $value = join '', @parts;
    # A length of 128 or more comes after the number of its bytes.
    return pack('C*', $tag, length $value < 128 ? () : 0x81, length $value) . $value;
}

# The tag number in a byte of its own, and an indefinite length.
sub long_tag { my ($tag, @parts) = @_; return pack('C2', $tag | 0x1f, $tag & 0x1f) . substr der($tag, @parts), 1 }

sub indefinite { my ($tag, @parts) = @_; return pack('C2', $tag, 0x80) . join('', @parts) . "\0\0" }

sub pem {
    my ($content, $label, $header) = @_;
    ($label, $header) = ($label // 'ENCRYPTED PRIVATE KEY', $header // '');
    my $lines = encode_base64($content, '') =~ s/(.{1,64})/$1\n/gr;
    return "-----BEGIN $label-----\n$header$lines-----END $label-----\n";
}

# With the older form (RFC 1421) around it, in which MD5 makes a key at once.
sub older {
    my ($content) = @_;
    my $iv  = "\1" x 16;
    my $key = md5(SECRET . substr $iv, 0, 8);
    my $header = sprintf "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,%s\n\n", uc unpack 'H*', $iv;
    return pem(Crypt::Mode::CBC->new('AES')->encrypt($content, $key, $iv), 'ENCRYPTED PRIVATE KEY', $header);
}
