# Sections inside sections, and sections that a request is in at the same time. Settings
# that do not go together there are an error of `httpd -t`; settings that do nothing are
# a warning of one line.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Certificates qw(certificate);
use SessionCrypto::Httpd        ();
use SessionCrypto::Startup      qw(SECRET host inside is_accepted is_quiet is_warned is_wrong line_of);

my $httpd = SessionCrypto::Httpd->new(name => 'startup-sections', session => '');
my $dir   = $httpd->dir;
certificate($dir, $_, 'ec:P-256') for qw(a b);
$httpd->write_file('shop/page', '');

my $wrong  = "# wrong:\n";
my $secret = "SessionCryptoPassphrase ${\SECRET}\n";
my $both   = "SessionCryptoCertificateFile a.pem\nSessionCryptoCertificateKeyFile a.key\n";
my $aead   = "SessionCryptoCipher aes-256-gcm\n";
my $cbc    = "SessionCryptoCipher aes256\n";
my $shop   = "SessionCryptoPurpose shop\n";

# Places inside others, as functions that put lines there.
my %NESTED = (
    '<Files>'                    => sub { inside('Files page', @_) },
    '<FilesMatch>'               => sub { inside('FilesMatch ^p', @_) },
    '<If>'                       => sub { inside('If true', @_) },
    '<Files> in <Directory>'     => sub { inside('Directory @DIR@/shop', inside('Files page', @_)) },
    '<If> in <Directory>'        => sub { inside('Directory @DIR@/shop', inside('If true', @_)) },
    '<If> in <Location>'         => sub { inside('Location /shop', inside('If true', @_)) },
    '<If> in <LocationMatch>'    => sub { inside('LocationMatch ^/s', inside('If true', @_)) },
    '<If> in <Files>'            => sub { inside('Files page', inside('If true', @_)) },
    '<If> in <Files> in <Directory>' => sub { inside('Directory @DIR@/shop', inside('Files page', inside('If true', @_))) },
    '<If> in <If>'               => sub { inside('If true', inside('If true', @_)) },
    '<If> in <VirtualHost>'      => sub { host(inside('If true', @_)) },
    '<If> in <Location> in <VirtualHost>' => sub { host(inside('Location /shop', inside('If true', @_))) },
);

# Lines around, lines inside, words. A comment marks the line at fault.
my %WRONG = (
    'an unknown cipher'          => ['', "${wrong}SessionCryptoCipher rot13", 'SessionCryptoCipher', 'rot13', 'unknown cipher'],
    'an unknown digest'          => ['', "${wrong}SessionCryptoDigest rot13", 'SessionCryptoDigest', 'rot13', 'unknown digest'],
    'a certificate without its key' => ['', "${wrong}SessionCryptoCertificateFile a.pem", 'a.pem', 'SessionCryptoCertificateKeyFile'],
    "another's key"              => ["${wrong}$both", 'SessionCryptoCertificateKeyFile b.key', 'a.pem', 'b.key', 'another'],
    'a key and no certificate'   => [$secret, "${wrong}SessionCryptoCertificateKeyFile a.key", 'SessionCryptoCertificateFile'],
    'CBC inside a certificate'   => [$both, $wrong . $cbc, 'SessionCryptoCipher', 'CBC'],
    'a passphrase inside a certificate' => [$both, $wrong . $secret, 'would do nothing', 'take the line out'],
);
for my $place (sort keys %NESTED) {
    for my $name (sort keys %WRONG) {
        my ($around, $lines, @words) = @{ $WRONG{$name} };
        $httpd->{config} = $around . $NESTED{$place}->($lines);
        is_wrong($httpd, "$name, in $place", @words);
    }
    $httpd->{config} = $secret . $aead . $NESTED{$place}->($shop . $aead);
    is_quiet($httpd, "a purpose and its cipher, in $place");
}

# A purpose, and ciphers that cannot carry it, in sections of which one is in the other.
my %TOGETHER = (
    'a purpose in a location, CBC below it'   => [$aead . inside('Location /shop', $shop) . inside('Location /shop/old', $cbc)],
    'CBC in a location, a purpose below it'   => [$aead . inside('Location /shop', $cbc) . inside('Location /shop/new', $shop)],
    'the lower location first'                => [$aead . inside('Location /shop/old', $shop) . inside('Location /shop', $cbc)],
    'a purpose in a directory, CBC below it'  => [$aead . inside('Directory /shop', $shop) . inside('Directory /shop/old', $cbc)],
    'a purpose in every directory, CBC below it' => [$aead . inside('Directory /', $shop) . inside('Directory /shop', $cbc)],
    'the passphrase in a third location'      => [inside('Location /', $secret) . $aead . inside('Location /shop', $shop) . inside('Location /shop/old', $cbc), 1],
    'a purpose in a location, CBC in <If>'    => [$aead . inside('Location /shop', $shop . inside('If true', $cbc))],
    'a purpose in a directory, CBC in <Files>' => [$aead . inside('Directory /shop', $shop . inside('Files page', $cbc))],
    'a purpose in <If>, CBC in <If> in it'    => [$aead . inside('If true', $shop . inside('If true', $cbc))],
    'a cipher that no request of it is in'    => [inside('Location /shop', $shop) . inside('Location /mail', $aead)],
);
for my $name (sort keys %TOGETHER) {
    my ($lines, $has_secret) = @{ $TOGETHER{$name} };
    $httpd->{config} = ($has_secret ? '' : $secret) . $lines;
    my ($ok, $output) = $httpd->check;
    subtest $name => sub {
        ok(!$ok, 'httpd -t fails');
        my $line = line_of($httpd->conf, 'SessionCryptoPurpose');
        like($output, qr/SessionCryptoPurpose: a purpose takes a cipher .*SessionCryptoCipher aes-256-gcm.* on line $line of \Q@{[$httpd->conf]}\E/, 'it says what to write, and names the line');
        unlike($output, qr/${\SECRET}/, 'it tells no secret');
    } or diag($output);
}

# The sections do not say whether these two meet in a request.
my %MAY_MEET = (
    'a purpose in a location, CBC in a directory' => $wrong . inside('Location /shop', $shop) . inside('Directory /old', $cbc),
    'a purpose in a location, CBC in <If>'        => inside('Location /shop', $wrong . $shop) . inside('If true', $cbc),
    'a directory and a location that it is below'  => inside('Directory @DIR@/htdocs/shop/', $wrong . $shop) . inside('Location /shop/old', $cbc),
    'all documents and a location'                => inside('Directory @DIR@/htdocs', $wrong . $shop) . inside('Location /old', $cbc),
    'a purpose in a pattern, CBC in a location'   => inside('LocationMatch ^/s', $wrong . $shop) . inside('Location /old', $cbc),
);
for my $name (sort keys %MAY_MEET) {
    $httpd->{config} = $secret . $aead . $MAY_MEET{$name} =~ s/\A\Q$wrong\E(<.*>\n)/$1$wrong/r;
    is_warned($httpd, $name, 'SessionCryptoPurpose', 'can carry a purpose', 'SessionCryptoCipher aes-256-gcm');
}

my %QUIET = (
    'a purpose in a location, CBC in another'     => $aead . inside('Location /shop', $shop) . inside('Location /old', $cbc),
    'a name that begins like another'             => $aead . inside('Location /shop', $shop) . inside('Location /shopping', $cbc),
    'a purpose in a directory, CBC in another'    => $aead . inside('Directory /shop', $shop) . inside('Directory /old', $cbc),
    'a purpose with its cipher, CBC below, which is set again' => inside('Location /shop/old', $cbc) . inside('Location /shop', $shop . $aead),
    'a purpose below CBC, with its cipher'        => $cbc . inside('Location /shop', $shop . $aead),
    'a purpose with its cipher in a location, CBC in a directory' => inside('Location /shop', $shop . $aead) . inside('Directory /old', $cbc),
    'a purpose in a directory, CBC in a location elsewhere' => $aead . inside('Directory @DIR@/htdocs/shop', $shop) . inside('Location /old', $cbc),
    'no passphrase'                               => [inside('Location /shop', $shop) . inside('Location /shop/old', $cbc)],
    'a cipher below, a purpose around it'         => inside('Location /shop', $aead) . inside('Location /shop/new', $shop),
    'a key in <If>, its certificate around it'    => [inside('Location /shop', "SessionCryptoCertificateFile a.pem\n" . inside('If true', "SessionCryptoCertificateKeyFile a.key\n"))],
    'a certificate in <Files> of its own'         => inside('Files page', $both),
);
for my $name (sort keys %QUIET) {
    $httpd->{config} = ref $QUIET{$name} ? $QUIET{$name}[0] : $secret . $QUIET{$name};
    is_quiet($httpd, $name);
}

# Settings of encryption and sessions, but nothing to encrypt under: one warning for the
# line, however many sections and hosts inherit it.
my $on = "Session On\n";
my %SETTING = (
    SessionCryptoCipher  => $aead,
    SessionCryptoDigest  => "SessionCryptoDigest SHA256\n",
    SessionCryptoPurpose => $shop,
    SessionCryptoEngine  => "SessionCryptoEngine default\n",
    SessionCryptoDriver  => "SessionCryptoDriver openssl engine=default\n",
);
for my $directive (sort keys %SETTING) {
    my $lines = $wrong . $SETTING{$directive};
    $httpd->{config} = $on . $lines;
    is_warned($httpd, "$directive, and no passphrase", "$directive does nothing", 'in clear', 'SessionCryptoPassphraseFile');
    $httpd->{config} = $on . ($directive eq 'SessionCryptoPurpose' ? $aead : '') . $SETTING{$directive} . $secret;
    is_quiet($httpd, "$directive, and a passphrase");
}
my %CLEAR = (
    'in a location'               => inside('Location /shop', $on . $wrong . $cbc),
    'in a directory'              => inside('Directory /shop', $on . $wrong . $cbc),
    'in <Files>'                  => inside('Files page', $on . $wrong . $cbc),
    'in <If> in a location'       => inside('Location /shop', $on . inside('If true', $wrong . $cbc)),
    'the cipher outside'          => $wrong . $cbc . inside('Location /shop', $on),
    'the session outside'         => $on . inside('Location /shop', $wrong . $cbc),
    'the passphrase in another location' => inside('Location /shop', $on . $wrong . $cbc) . inside('Location /mail', $on . $secret),
    'in one of two hosts'         => host($on . $wrong . $cbc) . host($on . $cbc . $secret),
    'in all of two hosts'         => $on . $wrong . $cbc . host('') . host(''),
    'in many sections'            => $on . $wrong . $cbc . inside('Location /a', '') . inside('Location /b', inside('If true', '')),
    'a passphrase in one location, sessions everywhere' => $on . $wrong . $cbc . inside('Location /shop', $secret),
);
for my $name (sort keys %CLEAR) {
    $httpd->{config} = $CLEAR{$name};
    is_warned($httpd, "in clear: $name", 'SessionCryptoCipher does nothing');
}
my %NOT_CLEAR = (
    'a cipher and no sessions'          => $cbc,
    'sessions and no cipher'            => $on,
    'sessions switched off'             => $on . inside('Location /shop', "Session Off\n$cbc"),
    'the only sessions have a passphrase' => $cbc . inside('Location /shop', $on . $secret),
    'in a host'                         => $cbc . host(inside('Location /shop', $on . $secret)),
    'of a certificate'                  => $aead . inside('Location /shop', $on . $both),
    'the passphrase around it'          => inside('Location /shop', $secret) . inside('Location /shop/a', $on . $cbc),
    'the passphrase in a directory'     => inside('Directory /shop', $secret) . inside('Location /shop', $on . $cbc),
    'the passphrase in every location'  => $on . $cbc . inside('Location /', $secret),
    'a host that has sessions in clear' => host($cbc . $secret . $on) . host($on),
);
for my $name (sort keys %NOT_CLEAR) {
    $httpd->{config} = $NOT_CLEAR{$name};
    is_quiet($httpd, "not in clear: $name");
}

# An httpd that starts warns in its log, once.
{
    my $lines = $on . $cbc . "SessionCookieName session path=/\n" . host('') . inside('Location /a', '');
    my $other = SessionCrypto::Httpd->new(name => 'startup-clear', session => '', config => $lines)->start;
    $other->stop;
    is(scalar($other->log->lines(qr/\[session_crypto:warn\] .*SessionCryptoCipher does nothing/)), 1, 'error_log has the warning once');
    $other->log->expect(qr/SessionCryptoCipher does nothing/, 'this one');
    $other->log->clean;
}

done_testing;
