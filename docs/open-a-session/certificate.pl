#!/usr/bin/perl

# Decrypts a session that mod_session_crypto encrypted for a certificate.
#
#   export SESSION_CERTIFICATE_FILE=FILE SESSION_KEY_FILE=FILE
#   certificate.pl open [PURPOSE] <token >session
#
# The files are PEM: the certificate first in its file, and its private key
# without a passphrase. A token that is refused, or has expired, ends the program
# with status 1 and a reason.
#
# Needs Crypt::JWT and CryptX (on Debian: libcrypt-jwt-perl).

use strict;
use warnings;

use Crypt::Digest::SHA256 qw(sha256);
use Crypt::JWT qw(decode_jwt);
use Crypt::PK::ECC;
use Crypt::PK::RSA;
use MIME::Base64 qw(decode_base64 decode_base64url encode_base64url);
use Time::HiRes qw(time);

# By the length of a signature: the curve's name, and the digest of its signatures.
my %CURVE = (64 => ['P-256', 'SHA256'], 96 => ['P-384', 'SHA384'], 132 => ['P-521', 'SHA512']);

binmode $_ for *STDIN, *STDOUT;
my ($action, $purpose) = @ARGV;
($action // '') eq 'open' or refuse('say what: open [PURPOSE]');
print open_session(read_all(*STDIN) =~ s/\s+\z//r, $purpose, read_certificate());

sub read_certificate {
    my ($pem) = read_file('SESSION_CERTIFICATE_FILE')
        =~ /(-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----)/s or die "no certificate in its file\n";
    my $private = read_file('SESSION_KEY_FILE');
    my $kind    = (grep { eval { $_->new(\$private) } } qw(Crypt::PK::RSA Crypt::PK::ECC))[0] // die "no key in its file\n";
    my $self    = { public => $kind->new(\$pem), private => $kind->new(\$private), is_rsa => $kind eq 'Crypt::PK::RSA' };
    $self->{id} = encode_base64url(sha256(decode_base64($pem =~ s/-----.*?-----//gr)));
    return $self if $self->{is_rsa};
    $self->{length} = length($self->{public}->export_key_raw('public')) - 1;
    @$self{qw(curve digest)} = @{ $CURVE{ $self->{length} } };
    return $self;
}

sub header_pattern {
    my ($certificate, $purpose) = @_;
    my ($alg, $epk) = ('RSA-OAEP(?:-256)?', '');
    if (!$certificate->{is_rsa}) {
        $alg = quotemeta 'ECDH-ES+A256KW';
        $epk = qr/,"epk":\{"kty":"EC","crv":"$certificate->{curve}","x":"[\w-]+","y":"[\w-]+"\}/a;
    }
    my $aud = defined $purpose ? qq(,"aud":"$purpose") : '';
    return qr/\A(\{"alg":"($alg)","enc":"(A(?:128|192|256)GCM)","kid":"$certificate->{id}"\Q$aud\E$epk),"sig":"([\w-]+)"\}\z/a;
}

sub verify {
    my ($certificate, $signature, $signed) = @_;
    my $public = $certificate->{public};
    return $public->verify_message($signature, $signed, 'SHA256', 'pss', 32) if $certificate->{is_rsa};
    # The form of JWS: r and s, each as long as the order of the curve.
    return length $signature == $certificate->{length}
        && $public->verify_message_rfc7518($signature, $signed, $certificate->{digest});
}

sub open_session {
    my ($token, $purpose, $certificate) = @_;
    $token =~ /\A[\w-]+(?:\.[\w-]+){4}\z/a or refuse('not a token');
    my ($encoded, $encrypted_key) = split /\./, $token;
    # The token chooses nothing: its header must be the agreed one, to the letter.
    my ($unsigned, $alg, $enc, $sig) = decode_base64url($encoded) =~ header_pattern($certificate, $purpose)
        or refuse('another certificate, purpose or algorithm');
    # Anybody can encrypt for a certificate. Only the signature proves that httpd did it.
    verify($certificate, decode_base64url($sig), encode_base64url("$unsigned}") . ".$encrypted_key")
        or refuse('the signature is wrong');
    my $session = eval {
        decode_jwt(
            token => $token, key => $certificate->{private},
            accepted_alg => $alg, accepted_enc => $enc, decode_payload => 0,
        );
    } // refuse('the tag is wrong');
    # In microseconds since 1970. An application must check it, as mod_session does.
    my ($expiry) = $session =~ /(?:\A|&)expiry=(\d+)/;
    refuse('expired') if defined $expiry && $expiry < time * 1_000_000;
    return $session;
}

sub read_file {
    my ($variable) = @_;
    open my $file, '<:raw', $ENV{$variable} or die "$variable: $!\n";
    return read_all($file);
}

sub read_all {
    my ($file) = @_;
    local $/;
    return readline($file) // '';
}

sub refuse {
    print STDERR "refused: $_[0]\n";
    exit 1;
}
