#!/usr/bin/perl

# Decrypts a session that mod_session_crypto encrypted as a JWE, or encrypts one.
#
#   SESSION_PASSPHRASE_FILE=FILE session.pl open [PURPOSE] <token >session
#   SESSION_PASSPHRASE_FILE=FILE session.pl make ENC [PURPOSE] <session >token
#
# FILE has one passphrase a line, unquoted: the first encrypts, each decrypts.
# ENC is A128GCM, A192GCM or A256GCM. A token that is refused, or has expired, ends
# the program with status 1 and a reason.
#
# Needs Crypt::JWT and CryptX (on Debian: libcrypt-jwt-perl).

use strict;
use warnings;

use Crypt::JWT qw(decode_jwt encode_jwt);
use Crypt::KeyDerivation qw(hkdf_expand pbkdf2);
use JSON qw(decode_json);
use MIME::Base64 qw(decode_base64url encode_base64url);
use Time::HiRes qw(time);

my %KEY_LENGTH = (A128GCM => 16, A192GCM => 24, A256GCM => 32);

binmode $_ for *STDIN, *STDOUT;
my ($action, @arguments) = @ARGV;
my @masters = map { master_key($_) } read_passphrases();
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
    $token =~ /\A[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+\z/a or refuse('not a token');
    my ($text)   = split /\./, $token;
    my $header   = eval { decode_json(decode_base64url($text)) };
    my ($enc, $kid) = ref $header eq 'HASH' ? map { $_ // '' } @$header{qw(enc kid)} : ('', '');
    my ($id, $day) = $kid =~ /\A([\w-]{8})\.(\d{1,10})\z/a or refuse('not a header of a session');
    # The token chooses nothing: its whole header must be the agreed one.
    my %expected = (alg => 'dir', enc => $enc, kid => $kid, defined $purpose ? (aud => $purpose) : ());
    $KEY_LENGTH{$enc} && same($header, \%expected) or refuse('another purpose or another algorithm');
    my ($master) = grep { key_id($_) eq $id } @masters;
    defined $master && $day < 2**32 or refuse('no passphrase has this key id');
    my $session = eval {
        decode_jwt(
            token => $token, key => day_key($master, $enc, $day),
            accepted_alg => 'dir', accepted_enc => $enc, decode_payload => 0,
        );
    } // refuse('the tag is wrong');
    # In microseconds since 1970. An application must check it, as mod_session does.
    my ($expiry) = $session =~ /(?:\A|&)expiry=(\d+)/;
    refuse('expired') if defined $expiry && $expiry < time * 1_000_000;
    return $session;
}

sub make_token {
    my ($session, $enc, $purpose) = @_;
    my $master = $masters[0];
    my $day    = int(time / 86_400);
    my %header = (alg => 'dir', enc => $enc, kid => key_id($master) . ".$day", defined $purpose ? (aud => $purpose) : ());
    return encode_jwt(
        payload => $session, key => day_key($master, $enc, $day),
        alg => 'dir', enc => $enc, extra_headers => \%header,
    );
}

# The slow step (half a second): do it once, when the application starts.
sub master_key { return pbkdf2($_[0], 'mod_session_crypto JWE 1', 600_000, 'SHA256', 32) }

sub key_id { return encode_base64url(hkdf_expand($_[0], 'SHA256', 6, 'kid')) }

sub day_key {
    my ($master, $enc, $day) = @_;
    return hkdf_expand($master, 'SHA256', $KEY_LENGTH{$enc}, "enc\0$enc\0" . pack 'N', $day);
}

sub same {
    my ($one, $other) = @_;
    return 0 if keys %$one != keys %$other;
    return !grep { !defined $one->{$_} || ref $one->{$_} || $one->{$_} ne $other->{$_} } keys %$other;
}

sub read_passphrases {
    open my $file, '<:raw', $ENV{SESSION_PASSPHRASE_FILE} or die "$ENV{SESSION_PASSPHRASE_FILE}: $!\n";
    return grep { length } split /\r?\n/, read_all($file);
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
