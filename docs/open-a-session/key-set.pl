#!/usr/bin/perl

# Decrypts a session that mod_session_crypto encrypted under a JWK Set, or encrypts one.
#
#   SESSION_KEY_SET_FILE=FILE key-set.pl open [PURPOSE] <token >session
#   SESSION_KEY_SET_FILE=FILE key-set.pl make ENC [PURPOSE] <session >token
#
# FILE is the JWK Set of SessionCryptoKeyFile. ENC is A128GCM, A192GCM or A256GCM. A token
# that is refused, or has expired, ends the program with status 1 and a reason.
#
# Needs Crypt::JWT and CryptX (on Debian: libcrypt-jwt-perl).

use strict;
use warnings;

use Crypt::Digest::SHA256 qw(sha256_b64u);
use Crypt::JWT qw(decode_jwt encode_jwt);
use JSON qw(decode_json);
use MIME::Base64 qw(decode_base64url);
use Time::HiRes qw(time);

my %ALG = (16 => 'A128KW', 24 => 'A192KW', 32 => 'A256KW');
my %ENC = map { $_ => 1 } qw(A128GCM A192GCM A256GCM);

binmode $_ for *STDIN, *STDOUT;
my ($action, @arguments) = @ARGV;
my @keys = read_keys();
if (($action // '') eq 'open') {
    print open_session(read_all(*STDIN) =~ s/\s+\z//r, $arguments[0]);
}
elsif (($action // '') eq 'make') {
    print make_token(read_all(*STDIN), @arguments);
}
else {
    refuse('say what: open [PURPOSE], or make ENC [PURPOSE]');
}

sub open_session {
    my ($token, $purpose) = @_;
    $token =~ /\A[\w-]+(?:\.[\w-]+){4}\z/a or refuse('not a token');
    my ($text) = split /\./, $token;
    my $header = eval { decode_json(decode_base64url($text)) };
    my ($enc, $kid) = ref $header eq 'HASH' ? map { $_ // '' } @$header{qw(enc kid)} : ('', '');
    my ($key) = grep { $_->{id} eq $kid && time < $_->{ends} } @keys;
    defined $key or refuse('no key has this key id');
    # The token chooses nothing: its whole header must be the agreed one.
    my %expected = header($key, $enc, $purpose);
    $ENC{$enc} && same($header, \%expected) or refuse('another purpose or another algorithm');
    my $session = eval {
        decode_jwt(
            token => $token, key => $key->{bytes},
            accepted_alg => $key->{alg}, accepted_enc => $enc, decode_payload => 0,
        );
    } // refuse('the encrypted key or the tag is wrong');
    # In microseconds since 1970. An application must check it, as mod_session does.
    my ($expiry) = $session =~ /(?:\A|&)expiry=(\d+)/;
    refuse('expired') if defined $expiry && $expiry < time * 1_000_000;
    return $session;
}

sub make_token {
    my ($session, $enc, $purpose) = @_;
    # The newest; of two that begin together, the later one in the file.
    my ($key) = sort { $b->{begins} <=> $a->{begins} || $b->{number} <=> $a->{number} }
        grep { $_->{begins} <= time && time < $_->{ends} } @keys;
    my %header = header($key, $enc, $purpose);
    return encode_jwt(
        payload => $session, key => $key->{bytes},
        alg => $key->{alg}, enc => $enc, extra_headers => \%header,
    );
}

sub header {
    my ($key, $enc, $purpose) = @_;
    return (alg => $key->{alg}, enc => $enc, kid => $key->{id}, defined $purpose ? (aud => $purpose) : ());
}

# Read it again when it changes: keys come and go without a restart.
sub read_keys {
    open my $file, '<:raw', $ENV{SESSION_KEY_SET_FILE} or die "$ENV{SESSION_KEY_SET_FILE}: $!\n";
    my $number = 0;
    return map { {
        number => $number++,
        bytes  => decode_base64url($_->{k}),
        id     => $_->{kid} // sha256_b64u(qq({"k":"$_->{k}","kty":"oct"})),
        alg    => $ALG{ length decode_base64url($_->{k}) },
        begins => $_->{nbf} // 0,
        ends   => $_->{exp} // 9**99,
    } } @{ decode_json(read_all($file))->{keys} };
}

sub same {
    my ($one, $other) = @_;
    return 0 if keys %$one != keys %$other;
    return !grep { !defined $one->{$_} || ref $one->{$_} || $one->{$_} ne $other->{$_} } keys %$other;
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
