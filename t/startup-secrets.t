# Passphrases and certificates together. A certificate seals, and a passphrase beside it
# opens its private key. If the key needs none, the passphrase does nothing: sessions of
# a neighbour would open where the passphrase was meant to keep them out. This is an
# error of `httpd -t`.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Certificates qw(certificate key_in);
use SessionCrypto::Httpd        ();
use SessionCrypto::Startup      qw(SECRET host inside is_quiet is_warned is_wrong);

my $httpd = SessionCrypto::Httpd->new(name => 'startup-secrets');
my $dir   = $httpd->dir;
my %pair  = map { $_ => certificate($dir, $_, 'ec:P-256') } qw(a b);
key_in('encrypted PKCS#8', $pair{a}, "$dir/locked.key", SECRET);
key_in('PKCS#12', $pair{a}, "$dir/a.p12", SECRET);
$httpd->write_file('passphrases', SECRET . "\n", 0600);

my $wrong  = "# wrong:\n";
my $secret = "SessionCryptoPassphrase ${\SECRET}\n";
my $file   = "SessionCryptoPassphraseFile passphrases\n";
my $other  = "SessionCryptoPassphrase ${\SECRET}-other\n";
my $a      = "SessionCryptoCertificateFile a.pem\nSessionCryptoCertificateKeyFile a.key\n";
my $b      = "SessionCryptoCertificateFile b.pem\nSessionCryptoCertificateKeyFile b.key\n";
my $locked = "SessionCryptoCertificateFile a.pem\nSessionCryptoCertificateKeyFile locked.key\n";

my %WRONG = (
    'a passphrase in a location'          => $a . inside('Location /shop', $wrong . $secret),
    'a passphrase file in a location'     => $a . inside('Location /shop', $wrong . $file),
    'a passphrase in a directory'         => $a . inside('Directory /shop', $wrong . $secret),
    'a passphrase in <If>'                => $a . inside('If true', $wrong . $secret),
    'a passphrase in a virtual host'      => $a . host($wrong . $secret),
    'a passphrase in the second of two'   => $a . host('') . host($wrong . $secret),
    'a passphrase below its certificate'  => inside('Location /shop', $a) . inside('Location /shop/a', $wrong . $secret),
    'a passphrase in <If> in a location'  => inside('Location /shop', $a . inside('If true', $wrong . $secret)),
    'a passphrase inside another'         => $secret . $a . inside('Location /shop', $wrong . $other),
    'a passphrase and a key that needs none' => $a . inside('Location /shop', $wrong . "${secret}SessionCryptoCertificateKeyFile a.key"),
    'both at the server'                  => $wrong . $secret . $a,
    'both at the server, a file'          => $a . $wrong . $file,
    'both in a location'                  => inside('Location /shop', $a . $wrong . $secret),
    'both in a virtual host'              => host($a . $wrong . $secret),
    'both at the server, with hosts'      => $wrong . $secret . $a . host('') . host(''),
    'both at the server, which a host has not' => $wrong . $secret . $a . host('') . host($b),
);
for my $name (sort keys %WRONG) {
    $httpd->{config} = $WRONG{$name};
    is_wrong($httpd, $name, 'a passphrase would do nothing here', 'needs none', 'out');
}

# The sections do not say whether these two meet in a request.
$httpd->{config} = inside('Directory @DIR@/htdocs/shop', $a) . inside('Location /shop', $wrong . $secret);
is_warned($httpd, 'a passphrase in a location, a certificate in a directory', 'a passphrase would do nothing in a request', 'take the line out');

my %RIGHT = (
    'the passphrase of the key'                 => $locked . $secret,
    'the passphrase of PKCS#12'                 => "SessionCryptoCertificateFile a.p12\n$secret",
    'the passphrase of the key, in a location'  => $locked . $secret . inside('Location /shop', "SessionCryptoPassphrase ${\SECRET}-new ${\SECRET}"),
    'the passphrase and its key, inside a certificate that needs none' => $a . inside('Location /shop', $locked . $secret),
    'a certificate in a location, passphrases elsewhere' => $secret . inside('Location /shop', $a),
    'a certificate in a host, passphrases elsewhere' => $secret . host($a) . host(''),
    'a certificate and passphrases side by side' => inside('Location /shop', $a) . inside('Location /mail', $secret),
    'a certificate in <If>, passphrases around it' => inside('Location /shop', $secret . inside('If true', $a)),
    'both at the server, for the key of a host' => $secret . $b . host($locked) . host(''),
    'both at the server, for the key of a location' => $secret . $b . inside('Location /shop', $locked),
    'a passphrase in a directory, its certificate in a location' => inside('Directory /shop', $secret) . inside('Location /shop', $locked),
    'a passphrase in a location, a certificate in a directory elsewhere' => inside('Directory @DIR@/htdocs/mail', $a) . inside('Location /shop', $secret),
    # A request that is in both has a key that needs the passphrase.
    'a passphrase in a location, its key in a directory' => $b . inside('Location /shop', $secret) . inside('Directory /shop', $locked =~ s/^/$file/r),
);
for my $name (sort keys %RIGHT) {
    $httpd->{config} = $RIGHT{$name};
    is_quiet($httpd, $name);
}

done_testing;
