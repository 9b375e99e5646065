# Certificates and private keys at startup: `httpd -t` refuses each mistake that can be
# known, and accepts the rest, as in t/startup.t.

use strict;
use warnings;

use POSIX qw(mkfifo);
use Test::More;

use SessionCrypto::Certificates qw(certificate key_in openssl);
use SessionCrypto::Httpd        ();
use SessionCrypto::Startup      qw(SECRET host inside is_quiet is_wrong);
use SessionCrypto::System       qw(read_file);

use constant MAX_FILE => 256 * 1024;

my $httpd = SessionCrypto::Httpd->new(name => 'startup-certificates');
my $dir   = $httpd->dir;

my %KIND = (
    rsa     => 'rsa:2048',     other  => 'rsa:2048',  ec  => 'ec:P-256', third => 'ec:P-384',
    short   => 'rsa:1024',     pss    => 'rsa-pss:2048', dsa => 'dsa:2048', ed25519 => 'ed25519', x25519 => 'x25519',
    koblitz => 'ec:secp256k1',
);
my %LOCKED = (
    'locked.p8'  => 'encrypted PKCS#8',
    'locked.der' => 'encrypted PKCS#8 in DER',
    'locked.pem' => 'encrypted traditional',
    'locked.p12' => 'PKCS#12',
);

my $IS_THERE = 'write the name of a file that is there, and that the user who starts httpd may read';

# A file that is neither certificate nor key, and words of the message.
my @NEITHER = (
    ['missing',              "cannot be read (No such file or directory): $IS_THERE"],
    ['missing/more',         "cannot be read (No such file or directory): $IS_THERE"],
    ['rsa.pem/more',         "cannot be read (Not a directory): $IS_THERE"],
    ['unreadable',           "cannot be read (Permission denied): $IS_THERE"],
    ['empty',                'is empty', 'PEM, DER or PKCS#12'],
    ['blank',                'is empty', 'write'],
    ['directory',            'is not a file', 'write the name of one'],
    ['fifo',                 'is not a file', 'write'],
    ['/dev/zero',            'is not a file', 'write'],
    ['large',                'is larger than ' . MAX_FILE . ' bytes', 'of a certificate or key'],
    ['text',                 'PEM, DER or PKCS#12'],
    ['cut.der',              'PEM, DER or PKCS#12'],
    ['crl.pem',              'PEM, DER or PKCS#12'],
    ['request.pem',          'PEM, DER or PKCS#12'],
    ['public.pem',           'PEM, DER or PKCS#12'],
    ['parameters.pem',       'PEM, DER or PKCS#12'],
    ['""',                   'write'],
    ['file:@DIR@/rsa.pem',   'write it without file:'],
    ['FILE:///rsa.pem',      'write it without file:'],
);
my @NO_CERTIFICATE = (
    ['rsa.key',              'has no certificate', 'PEM, DER or PKCS#12'],
    ['locked.p8',            'has no certificate', 'PEM, DER or PKCS#12'],
    ['locked.pem',           'has no certificate', 'PEM, DER or PKCS#12'],
    ['locked.der',           'has no certificate', 'PEM, DER or PKCS#12'],
    ['garbage.pem',          'OpenSSL cannot read', 'write it anew'],
    ['cut.pem',              'cannot read', 'write'],
);
my @NO_KEY = (
    ['rsa.pem',              'has no private key', 'PEM, DER or PKCS#12'],
    ['rsa.der',              'has no private key', 'PEM, DER or PKCS#12'],
    ['garbage.key',          'OpenSSL cannot read', 'write it anew'],
    ['cut.key',              'cannot read', 'write'],
);

# A kind of key that cannot seal sessions, and its name in the message.
my @UNUSABLE = (
    ['short',    'RSA and 1024 bits'],
    ['pss',      'RSA-PSS'],
    ['dsa',      'DSA'],
    ['ed25519',  'Ed25519'],
    ['x25519',   'X25519'],
    ['koblitz',  'EC on secp256k1'],
    ['explicit', 'EC on a curve without a name'],
);

my $wrong = "# wrong:\n";
my $rsa   = pair('rsa');

# Name, fragment, words.
my @WRONG = (
    (map { my ($file, @words) = @$_; ["$file as certificate", certificate_file($file), 'SessionCryptoCertificateFile', name_of($file), @words] }
        @NEITHER, @NO_CERTIFICATE),
    (map { my ($file, @words) = @$_; ["$file as key", key_file($file), 'SessionCryptoCertificateKeyFile', name_of($file), @words] }
        @NEITHER, @NO_KEY),
    (map { my ($name, $kind) = @$_; (
        ["a certificate for a key of $kind", $wrong . pair($name), 'SessionCryptoCertificateFile', "$name.pem", $kind, '2048', 'P-256'],
        ["a key of $kind", key_file("$name.key") , 'SessionCryptoCertificateKeyFile', "$name.key", $kind, '2048', 'P-256'],
    ) } @UNUSABLE),
    ['no file of a certificate', 'SessionCryptoCertificateFile', 'SessionCryptoCertificateFile'],
    ['no file of a key',         'SessionCryptoCertificateKeyFile', 'SessionCryptoCertificateKeyFile'],
    ['a name of a certificate that is too long', certificate_file('x' x 5000), 'is not the name of a file'],
    ['a name of a key that is too long',         key_file('x' x 5000), 'is not the name of a file'],
    ['a second certificate that is missing', certificate_file('rsa.pem missing'), 'missing', 'No such file'],
    ['a second key that is missing',         key_file('rsa.key missing'), 'missing', 'No such file'],
    ['too many certificates', certificate_file('rsa.pem ' x 65), 'more than 64 files', 'take out those not in use'],
    ['too many keys',         key_file('rsa.key ' x 33) . key_file('rsa.key ' x 33), 'more than 64 files'],

    # Mistakes that show only when httpd has read all lines.
    ['no key',                    certificate_file('rsa.pem'), 'SessionCryptoCertificateFile', 'rsa.pem', 'nothing says where', 'with SessionCryptoCertificateKeyFile', 'add the key to'],
    ['a key and no certificate',  key_file('rsa.key'), 'SessionCryptoCertificateKeyFile', 'SessionCryptoCertificateFile'],
    ['a key, no certificate, and a passphrase', "SessionCryptoPassphrase ${\SECRET}\n" . key_file('rsa.key'), 'SessionCryptoCertificateFile'],
    ['the key of another certificate', $wrong . certificate_file('rsa.pem') . key_file('other.key'), 'rsa.pem has no private key', "other.key is another's", 'SessionCryptoCertificateKeyFile'],
    ['a key of another kind',     $wrong . certificate_file('rsa.pem') . key_file('ec.key'), 'rsa.pem', 'ec.key'],
    ['keys of others',            $wrong . certificate_file('rsa.pem') . key_file('ec.key third.key other.key'), 'rsa.pem', 'ec.key', 'third.key', 'other.key'],
    ["another's key in the certificate's file", certificate_file('mixed.pem'), 'mixed.pem', 'not that of its certificate', 'put the two that belong together in it'],
    ["another's key in the certificate's file, and another's beside it", $wrong . certificate_file('mixed.pem') . key_file('ec.key'), 'mixed.pem', 'not that of its certificate'],
    ['a second certificate without a key', $wrong . certificate_file('rsa.pem ec.pem') . key_file('rsa.key'), 'ec.pem', 'SessionCryptoCertificateKeyFile'],
    ['a second line of certificates, without a key', $rsa . certificate_file('ec.pem'), 'ec.pem', 'SessionCryptoCertificateKeyFile'],
    ['a first line of certificates, without a key',  $wrong . certificate_file('ec.pem') . $rsa, 'ec.pem', 'SessionCryptoCertificateKeyFile'],

    # Encrypted keys.
    (map { my $file = $_; my @section = (certificate_file('rsa.pem'), key_file($file)); (
        ["$LOCKED{$file}, and no passphrase",    join('', @section), $file, 'is encrypted', 'this section has no passphrase', 'write the one that opens it'],
        ["$LOCKED{$file}, a wrong passphrase",   "SessionCryptoPassphrase no-${\SECRET}\n" . join('', @section), $file, 'is encrypted', 'no passphrase of this section opens it', 'write the right one'],
        ["$LOCKED{$file}, two wrong passphrases", join('', $section[0], $wrong, $section[1]) . qq(SessionCryptoPassphrase no-${\SECRET} "${\SECRET} "\n), $file, 'is encrypted', 'SessionCryptoPassphrase'],
    ) } sort keys %LOCKED),
    ['PKCS#12 with both, and no passphrase',      certificate_file('locked.p12'), 'locked.p12', 'is encrypted', 'no passphrase', 'SessionCryptoPassphrase'],
    ['PKCS#12 with both, and a wrong passphrase', $wrong . certificate_file('locked.p12') . 'SessionCryptoPassphrase wrong', 'locked.p12', 'is encrypted', 'SessionCryptoPassphrase'],
    ['PKCS#12 without a key',         $wrong . certificate_file('certificate.p12') . passphrase(), 'certificate.p12', 'SessionCryptoCertificateKeyFile'],
    ['PKCS#12 without a certificate', $wrong . certificate_file('key.p12') . passphrase(), 'key.p12', 'has no certificate'],
    ['PKCS#12 without a key, as key', certificate_file('rsa.pem') . $wrong . key_file('certificate.p12') . passphrase(), 'certificate.p12', 'has no private key'],
    ['the encrypted key of another certificate', $wrong . certificate_file('rsa.pem') . key_file('locked-short.key') . passphrase(), 'locked-short.key', 'another'],
    ['an encrypted key in the file of its certificate, and no passphrase', certificate_file('locked-both.pem'), 'locked-both.pem', 'is encrypted', 'SessionCryptoPassphrase'],
    ['an encrypted key beside the right one', certificate_file('rsa.pem') . $wrong . key_file('rsa.key locked.p8'), 'locked.p8', 'is encrypted', 'SessionCryptoPassphrase'],

    # Other settings beside a certificate.
    ['a CBC cipher',              "${rsa}SessionCryptoCipher aes256", 'SessionCryptoCipher', 'CBC', 'aes-256-gcm'],
    ['a CBC cipher before it',    "${wrong}SessionCryptoCipher aes256\n$rsa", 'SessionCryptoCipher', 'CBC', 'aes-256-gcm'],
    ['a CBC cipher second',       "${rsa}SessionCryptoCipher aes-256-gcm aes128", 'SessionCryptoCipher', 'CBC', 'aes-256-gcm'],
    ['a CBC cipher first',        "${rsa}SessionCryptoCipher aes256 aes-256-gcm", 'SessionCryptoCipher', 'CBC', 'aes-256-gcm'],
    ['SHA512 with RSA',           "${rsa}SessionCryptoDigest SHA512", 'SessionCryptoDigest', 'SHA256'],
    ['SHA512 with RSA in second place', pair('ec', 'rsa') . 'SessionCryptoDigest SHA512', 'SessionCryptoDigest', 'SHA256'],
    ['SHA3-256 with RSA',         "${rsa}SessionCryptoDigest SHA3-256", 'SessionCryptoDigest', 'SHA256'],

    # Names that are not of files.
    ['a URI, and no engine, as certificate', $wrong . certificate_file("pkcs11:object=o?pin-value=${\SECRET}") . key_file('rsa.key'), 'pkcs11:object=o', 'is not a file: write the name of one, or with SessionCryptoEngine'],
    ['a URI, and no engine, as key', certificate_file('rsa.pem') . key_file("pkcs11:object=o?pin-value=${\SECRET}"), 'pkcs11:object=o', 'SessionCryptoEngine'],
    ['a URI that no engine knows', certificate_file('rsa.pem') . key_file('http://example.com/a.key'), 'http://example.com/a.key', 'SessionCryptoEngine'],

    # Sections.
    ['a missing file in a virtual host', host(certificate_file('missing')), 'missing', 'No such file'],
    ['a missing file in a directory',    inside('Directory /a', key_file('missing')), 'missing', 'No such file'],
    ['no key, in a virtual host',        host(certificate_file('rsa.pem')), 'rsa.pem', 'SessionCryptoCertificateKeyFile'],
    ['no key, in a directory',           inside('Directory /a', certificate_file('rsa.pem')), 'rsa.pem', 'SessionCryptoCertificateKeyFile'],
    ['no key, in a location',            inside('Location /a', certificate_file('rsa.pem')), 'rsa.pem', 'SessionCryptoCertificateKeyFile'],
    ['no key, in a location of a virtual host', host(inside('Location /a', certificate_file('rsa.pem'))), 'rsa.pem', 'SessionCryptoCertificateKeyFile'],
    ['no key, in a second virtual host', host($rsa) . host($wrong . certificate_file('ec.pem')), 'ec.pem', 'SessionCryptoCertificateKeyFile'],
    ['a wrong key in a location',        $wrong . $rsa . inside('Location /a', key_file('other.key')), 'rsa.pem', 'other.key', 'another'],
    ['a wrong key in a virtual host',    $wrong . $rsa . host(key_file('other.key')), 'rsa.pem', 'other.key', 'another'],
    ['another certificate in a location', $rsa . inside('Location /a', certificate_file('ec.pem')), 'ec.pem', 'rsa.key', 'another'],
    ['a wrong passphrase in a location', certificate_file('rsa.pem') . $wrong . key_file('locked.p8') . passphrase() . inside('Location /a', 'SessionCryptoPassphrase wrong'), 'locked.p8', 'is encrypted'],
    ['a CBC cipher in a location',       $rsa . inside('Location /a', 'SessionCryptoCipher aes256'), 'SessionCryptoCipher', 'CBC'],
    ['a CBC cipher around a location',   "${wrong}SessionCryptoCipher aes256\n" . inside('Location /a', $rsa), 'SessionCryptoCipher', 'CBC'],
    ['a CBC cipher around a virtual host', "${wrong}SessionCryptoCipher aes256\n" . host($rsa), 'SessionCryptoCipher', 'CBC'],
    ['SHA512 in a directory',            $rsa . inside('Directory /a', 'SessionCryptoDigest SHA512'), 'SessionCryptoDigest', 'SHA256'],
    ['SHA512 around a certificate of RSA', "${wrong}SessionCryptoDigest SHA512\n" . inside('Location /a', $rsa), 'SessionCryptoDigest', 'SHA256'],
    ['a certificate of RSA where SHA512 was right', pair('ec') . "${wrong}SessionCryptoDigest SHA512\n" . inside('Location /a', $rsa), 'SessionCryptoDigest', 'SHA256'],
    ['a wrong key in the first of two locations', inside('Location /a', $wrong . certificate_file('rsa.pem') . key_file('other.key')) . inside('Location /b', pair('ec')), 'rsa.pem', 'other.key'],
    ['a wrong key in the second of two locations', inside('Location /a', $rsa) . inside('Location /b', $wrong . certificate_file('ec.pem') . key_file('third.key')), 'ec.pem', 'third.key'],
    ['no passphrase in one of two locations', inside('Location /a', $rsa) . inside('Location /b', locked()), 'locked.p8', 'is encrypted', 'no passphrase'],
    ['no key in one of two locations',   inside('Location /a', $wrong . certificate_file('rsa.pem')) . inside('Location /b', certificate_file('ec.pem')), 'SessionCryptoCertificateKeyFile'],
    ['no key, in a location, and a virtual host', inside('Location /a', $wrong . certificate_file('ec.pem')) . host($rsa), 'ec.pem', 'SessionCryptoCertificateKeyFile'],
    ['a wrong key in a location, and a virtual host', inside('Location /a', $wrong . certificate_file('ec.pem') . key_file('third.key')) . host($rsa), 'ec.pem', 'third.key'],
    ['two mistakes',                     inside('Location /a', $wrong . certificate_file('missing')) . "SessionCryptoDriver openssl\n", 'missing'],
);

my @RIGHT = (
    map({ ["$_ and its key", pair($_)] } qw(rsa other ec third)),
    ['the key in the second file',          certificate_file('rsa.pem') . key_file('other.key ec.key rsa.key')],
    ['both in one file',                    certificate_file('both.pem')],
    ['both in one file, named twice',       certificate_file('both.pem') . key_file('both.pem')],
    ["another's key in the certificate's file, and its own beside it", certificate_file('mixed.pem') . key_file('rsa.key')],
    ['a file of 256 KiB',                   certificate_file('largest')],
    ['an absolute path',                    certificate_file('@DIR@/rsa.der') . key_file('@DIR@/rsa.key')],
    ['a path in quotes, with a space',      certificate_file('"a certificate.pem"') . key_file("'a certificate.key'")],
    ['two certificates',                    pair('rsa', 'ec')],
    ['two lines of certificates',           pair('ec') . pair('rsa')],
    ['64 certificates',                     certificate_file('rsa.pem ' x 64) . key_file('rsa.key ' x 64)],
    (map { ["$LOCKED{$_}, and its passphrase", certificate_file('rsa.pem') . key_file($_) . "SessionCryptoPassphrase wrong ${\SECRET}"] } sort keys %LOCKED),
    ['PKCS#12 with both',                   certificate_file('locked.p12') . passphrase()],
    ['PKCS#12 of a certificate, PKCS#12 of its key', certificate_file('certificate.p12') . key_file('key.p12') . passphrase()],
    ['an encrypted key in the file of its certificate', certificate_file('locked-both.pem') . passphrase()],
    ['a cipher',                            "${rsa}SessionCryptoCipher aes-128-gcm"],
    ['two ciphers',                         "${rsa}SessionCryptoCipher aes-256-gcm aes-192-gcm"],
    ['a purpose',                           "${rsa}SessionCryptoPurpose shop"],
    ['SHA256 with RSA',                     "${rsa}SessionCryptoDigest SHA256"],
    ['SHA with RSA',                        "${rsa}SessionCryptoDigest SHA"],
    ['SHA512 with EC',                      pair('ec') . 'SessionCryptoDigest SHA512'],
    ['SHA512 and a CBC cipher in another location', inside('Location /a', $rsa)
        . inside('Location /b', "SessionCryptoDigest SHA512\nSessionCryptoCipher aes256\nSessionCryptoPassphrase ${\SECRET}")],
    ['a key around a certificate in a virtual host', key_file('rsa.key') . host(certificate_file('rsa.pem'))],
    # Sections of the main server are also those of a virtual host, but here of only
    # one.
    ['a certificate in a location, its key in a virtual host', inside('Location /a', certificate_file('ec.pem')) . host(certificate_file('rsa.pem') . key_file('rsa.key ec.key'))],
    ['the passphrase of a key in two virtual hosts', locked() . host(passphrase()) . host("SessionCryptoPassphrase wrong ${\SECRET}")],
    # A request may be in two sections, which have a part each.
    ['a key in a location of its own',      inside('Location /a', certificate_file('rsa.pem')) . inside('Location /a/b', key_file('rsa.key'))],
    ['a passphrase in a location of its own', inside('Location /a', locked()) . inside('Location /a/b', passphrase())],
);

make_files();
for (@WRONG) {
    my ($name, $fragment, @words) = @$_;
    $httpd->{config} = $fragment;
    is_wrong($httpd, $name, @words);
}
for (@RIGHT) {
    my ($name, $fragment) = @$_;
    $httpd->{config} = $fragment;
    is_quiet($httpd, $name);
}
done_testing;

sub certificate_file { return "SessionCryptoCertificateFile $_[0]\n" }

sub key_file { return "SessionCryptoCertificateKeyFile $_[0]\n" }

sub passphrase { return "SessionCryptoPassphrase ${\SECRET}\n" }

# The certificates with these names, and their keys.
sub pair {
    my (@names) = @_;
    return certificate_file("@{[map { qq($_.pem) } @names]}") . key_file("@{[map { qq($_.key) } @names]}");
}

sub locked { return certificate_file('rsa.pem') . key_file('locked.p8') }

# The name of a file in a message.
sub name_of {
    my ($file) = @_;
    return $file =~ /^(?:"|file:)/i ? () : $file;
}

sub make_files {
    my %pair = map { $_ => certificate($dir, $_, $KIND{$_}) } keys %KIND;
    my $of   = $pair{rsa};
    my ($certificate, $key) = map { read_file($_) } @$of{qw(certificate key)};
    key_in($LOCKED{$_}, $of, "$dir/$_", SECRET) for keys %LOCKED;
    key_in('encrypted PKCS#8', $pair{short}, "$dir/locked-short.key", SECRET);
    openssl(qw(pkcs12 -export -nokeys -in),     $of->{certificate}, '-out', "$dir/certificate.p12", '-passout', "pass:${\SECRET}");
    openssl(qw(pkcs12 -export -nocerts -inkey), $of->{key},         '-out', "$dir/key.p12",         '-passout', "pass:${\SECRET}");
    openssl(qw(req -new -subj /CN=request -key), $of->{key},        '-out', "$dir/request.pem");
    openssl(qw(pkey -pubout -in),               $of->{key},         '-out', "$dir/public.pem");
    openssl(qw(x509 -outform DER -in),          $of->{certificate}, '-out', "$dir/rsa.der");
    openssl(qw(genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit -out), "$dir/explicit.key");
    openssl(qw(req -new -x509 -subj /CN=explicit -key), "$dir/explicit.key", '-out', "$dir/explicit.pem");
    make_crl($of);
    $httpd->write_file(@$_) for (
        ['empty',             ''],
        ['blank',             "\n  \n\t\n"],
        ['text',              "${\SECRET} and more of it\n"],
        ['unreadable',        "$certificate$key", 0],
        ['largest',           substr $certificate . $key . ' ' x MAX_FILE, 0, MAX_FILE],
        ['large',             substr $certificate . $key . ' ' x MAX_FILE, 0, MAX_FILE + 1],
        ['both.pem',          "$certificate$key"],
        ['mixed.pem',         $certificate . read_file($pair{other}{key})],
        ['locked-both.pem',   $certificate . read_file("$dir/locked.p8")],
        ['a certificate.pem', $certificate],
        ['a certificate.key', $key],
        ['garbage.pem',       "-----BEGIN CERTIFICATE-----\n${\SECRET}\n-----END CERTIFICATE-----\n"],
        ['garbage.key',       "-----BEGIN PRIVATE KEY-----\n${\SECRET}\n-----END PRIVATE KEY-----\n"],
        ['cut.pem',           substr $certificate, 0, length($certificate) / 2],
        ['cut.key',           substr $key, 0, length($key) / 2],
        ['cut.der',           substr read_file("$dir/rsa.der"), 0, 300],
        ['parameters.pem',    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"],
    );
    mkdir "$dir/directory" or die "$dir/directory: $!\n";
    mkfifo("$dir/fifo", 0600) or die "$dir/fifo: $!\n";
    return;
}

sub make_crl {
    my ($of) = @_;
    $httpd->write_file('ca/index', '');
    my $conf = $httpd->write_file('ca/conf', "[ca]\ndefault_ca = own\n[own]\ndatabase = $dir/ca/index\ndefault_md = sha256\n");
    openssl(qw(ca -gencrl -crldays 1 -config), $conf, '-keyfile', $of->{key}, '-cert', $of->{certificate}, '-out', "$dir/crl.pem");
    return;
}
