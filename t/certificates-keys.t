# Certificates and keys in each form that files have: PEM and DER, encrypted or not, in
# files of their own or in one, also PKCS#12. The right certificate seals a session, and
# the session is read back.

use strict;
use warnings;

use Test::More;

use SessionCrypto::CertificateJwe ();
use SessionCrypto::Certificates   qw(certificate encrypted_key_forms key_forms key_in openssl);
use SessionCrypto::Httpd          ();
use SessionCrypto::System         qw(read_file);

my @KINDS      = qw(rsa:2048 ec:P-256 ec:P-521);
my $passphrase = "of the key's, with \xc3\xa4";
my @sections;    # name, kind of key, lines

my $httpd = SessionCrypto::Httpd->new(name => 'certificates-keys');
my $dir   = $httpd->dir;
my %pair  = map { $_ => certificate($dir, s/:/-/r, $_) } @KINDS;
my $other = certificate($dir, 'other', 'ec:P-256');
my $passphrases = $httpd->write_file('passphrases', qq(wrong\n"$passphrase"\n), 0600);
my $program     = $httpd->write_file('print-passphrase', qq(#!/bin/sh\necho "$passphrase"\n), 0755);
my $said        = qq(SessionCryptoPassphrase wrong "$passphrase"\n);

for my $kind (@KINDS) {
    my $pair = $pair{$kind};
    my %encrypted = map { $_ => 1 } encrypted_key_forms(), 'PKCS#12';
    for my $form (key_forms(), 'PKCS#12') {
        my $path = key_in($form, $pair, new_path($kind), $passphrase);
        my $opens = $encrypted{$form} ? $said : '';
        add($form, $kind, $pair->{certificate}, $path, $opens);
        add("$form, and certificates in DER", $kind, der($pair), $path, $opens);
        add('PKCS#12 with the certificate', $kind, $path, undef, $opens) if $form eq 'PKCS#12';
        add('PKCS#12 with both, named twice', $kind, $path, $path, $opens) if $form eq 'PKCS#12';
        next if $form =~ /DER|PKCS#12/;
        my ($certificate, $key) = map { read_file($_) } $pair->{certificate}, $path;
        my $own = sub { add("$_[0], $form", $kind, file($kind, @_[1 .. $#_]), undef, $opens) };
        $own->('the key in the file of the certificate', $certificate, $key);
        $own->('the key before the certificate', $key, $certificate);
        $own->('the key between certificates', $certificate, $key, read_file($other->{certificate}));
        add("the certificate after the key in the key's file, $form", $kind, $pair->{certificate}, file($kind, $key, $certificate), $opens);
    }

    my ($certificate, $key) = map { read_file($_) } @$pair{qw(certificate key)};
    my $with_key = sub { add($_[0], $kind, file($kind, @_[1 .. $#_]), $pair->{key}) };
    $with_key->('a chain: the first is ours', $certificate, read_file($other->{certificate}));
    $with_key->('text around the certificate', openssl('x509', '-text', '-in', $pair->{certificate}), "the end\n");
    $with_key->('lines that end as in Windows', $certificate =~ s/\n/\r\n/gr);
    $with_key->('no end of the last line', $certificate =~ s/\n\z//r);
    $with_key->('the older name of a certificate', $certificate =~ s/ CERTIFICATE-/ X509 CERTIFICATE-/gr);
    add('another key after it: the first is ours', $kind, $pair->{certificate}, file($kind, $key, read_file($other->{key})));
    my $chain = new_path($kind);
    openssl(qw(pkcs12 -export -inkey), $pair->{key}, '-in', $pair->{certificate}, '-certfile', $other->{certificate},
        '-out', $chain, '-passout', "pass:$passphrase");
    add('PKCS#12 with a chain', $kind, $chain, undef, $said);
    add('PKCS#12 without a passphrase', $kind, key_in('PKCS#12', $pair, new_path($kind), ''));
}
add('EC PARAMETERS before the key', 'ec:P-256', $pair{'ec:P-256'}{certificate}, file('ec:P-256',
    openssl(qw(ecparam -name prime256v1)), read_file(key_in('traditional', $pair{'ec:P-256'}, new_path('ec:P-256')))));

my $encrypted = key_in('encrypted PKCS#8', $pair{'ec:P-256'}, "$dir/encrypted", $passphrase);
my @encrypted = ('ec:P-256', $pair{'ec:P-256'}{certificate}, $encrypted);
add('a passphrase of a file',     @encrypted, qq(SessionCryptoPassphraseFile "$passphrases"\n));
add('a passphrase of a program',  @encrypted, qq(SessionCryptoPassphrase "exec:$program"\n));
add('a passphrase in quotes',     @encrypted, qq(SessionCryptoPassphrase "$passphrase"\n));
add('a path relative to ServerRoot', 'ec:P-256', 'ec-P-256.pem', 'ec-P-256.key');
add('a path that is not',            'ec:P-256', "$dir/ec-P-256.pem", "$dir/ec-P-256.key");
add('an expired certificate in second place', 'ec:P-256', qq($dir/ec-P-256.pem" "$dir/expired.pem), qq($dir/ec-P-256.key" "$dir/expired.key));
certificate($dir, 'expired', 'ec:P-256', from => -20, to => -10);

$httpd->{config} = join '', map { qq(<Location "/$_">\n$sections[$_][2]</Location>\n) } 0 .. $#sections;
$httpd->start;
my $client = $httpd->client;
for my $number (0 .. $#sections) {
    my ($name, $kind) = @{ $sections[$number] };
    my $token = $client->get("/$number", 'X-S' => 'user=joe')->token // '';
    my $key   = SessionCrypto::CertificateJwe->new(%{ $pair{$kind} });
    is($key->open($token), 'user=joe', "$kind: $name");
    is($client->get("/$number", session => $token)->body, 'user=joe', 'and the session is read back');
}

$httpd->stop;
$httpd->log->clean;

done_testing;

sub add {
    my ($name, $kind, $certificate, $key, $lines) = @_;
    my $text = qq(SessionCryptoCertificateFile "$certificate"\n) . ($lines // '');
    $text .= qq(SessionCryptoCertificateKeyFile "$key"\n) if defined $key;
    push @sections, [$name, $kind, $text];
    return;
}

sub new_path {
    my ($kind) = @_;
    our $number;
    return "$dir/" . ($kind =~ s/:/-/r) . '-' . ++$number;
}

sub file {
    my ($kind, @texts) = @_;
    return $httpd->write_file(new_path($kind) =~ s{.*/}{}r, join '', @texts);
}

sub der {
    my ($pair) = @_;
    openssl('x509', '-in', $pair->{certificate}, '-outform', 'DER', '-out', "$pair->{certificate}.der");
    return "$pair->{certificate}.der";
}
