package SessionCrypto::Chance;

# Random configurations, sessions and tokens, for t/differential.t. They are those of one
# `srand`.
#
#   my $section = section($number, \%files);     # adds the files that it names; with a row, one of `rows`
#   $section->{lines}  $section->{inner}         # the lines, and those of a section in it
#   $section->{rows}                             # why this module refuses them: rows of docs/differences.md
#   $section->{passphrases}                      # undef if only httpd can read them
#   text()                                       # the text of a session, as any application may write it
#   my ($how, $token) = forged($key);            # with a right MAC, of SessionCrypto::Classic
#   my ($how, $token) = mutated($token);

use strict;
use warnings;

use Exporter     qw(import);
use MIME::Base64 qw(decode_base64 encode_base64);

use SessionCrypto::Classic qw(padded);
use SessionCrypto::Session qw(encode random_session);

our @EXPORT_OK = qw(forged mutated section text);

use constant { MAX_AGE => 100_000, INTERVAL => 50_000 };

# What makes a passphrase file one of these rows.
my %CHANGE = (
    'empty-file'      => sub { one_of('', "\n \n", "# a comment\n") },
    'open-quote'      => sub { "$_[0]\n\"open" },
    'jwk-set'         => sub { one_of(map { join '', '{"keys":', $_, '[{"kty":"oct","kid":"one","k":"AAAA"}]}', $_ } '', "\n") },
    'utf-16'          => sub { join '', map {"$_\0"} split //, $_[0] },
    'large-file'      => sub { "$_[0]\n" . "# a comment\n" x 100_000 },
    'bad-line'        => sub { "$_[0]\nexec:bin/missing\n" },
    'byte-order-mark' => sub { "\xef\xbb\xbf$_[0]" },
);

my @CIPHERS = qw(3des192 aes128 aes192 aes256);

sub chance { return rand() < $_[0] }
sub one_of { return $_[rand @_] }
sub bytes  { return join '', map { chr int rand 256 } 1 .. $_[0] }

# Passphrases have no `${`, which httpd replaces, and no `exec:`.
sub passphrase {
    my $length = 1 + int rand(chance(0.9) ? 40 : 300);
    my @any    = map { chr } grep { $_ != 36 } 32 .. 126, 128 .. 255;
    return join '', map { one_of(@any) } 1 .. $length;
}

# A passphrase as one word of a line.
sub word {
    my ($passphrase) = @_;
    return $passphrase if chance(0.5) && $passphrase =~ /\A[^\s"'\\#]+\z/;
    my $quote = one_of(q("), q('));
    return $quote . $passphrase =~ s/([\\$quote])/\\$1/gr . $quote;
}

# With a row, the lines are ones that this module refuses for it.
sub section {
    my ($number, $files, $row) = @_;
    my %section = (rows => [], cipher => 'aes256', passphrases => []);
    my @lines   = keys_of(\%section, "$number", $files, $row && $CHANGE{$row} && $row);
    if (chance(0.6)) {
        $section{cipher} = one_of(@CIPHERS);
        push @lines, "SessionCryptoCipher $section{cipher}";
    }
    if ($row ? $row eq 'unknown-cipher' : chance(0.02)) {
        push @lines, 'SessionCryptoCipher rot' . int rand 99;
        push @{ $section{rows} }, 'unknown-cipher';
    }
    if (chance(0.25)) {
        push @lines, "SessionMaxAge @{[MAX_AGE]}";
        push @lines, "SessionExpiryUpdateInterval @{[INTERVAL]}" if chance(0.4);
    }
    # A section in it inherits what it does not set.
    my %inner = (%section, rows => []);
    my @inner;
    @inner = keys_of(\%inner, "$number-in", $files) if chance(0.3);
    if (chance(0.3)) {
        $inner{cipher} = one_of(@CIPHERS);
        push @inner, "SessionCryptoCipher $inner{cipher}";
    }
    return { %section, lines => join("\n", @lines), inner_lines => join("\n", @inner), inner => \%inner,
        rows => [@{ $section{rows} }, @{ $inner{rows} }] };
}

# Lines with passphrases, perhaps in a file.
sub keys_of {
    my ($section, $name, $files, $row) = @_;
    # Sessions in clear, or those of the section around it.
    return if !$row && chance(0.05);
    my @passphrases = map { passphrase() } 1 .. 1 + int rand 4;
    $section->{passphrases} = \@passphrases;
    if (!$row && chance(0.7)) {
        my @words = map { word($_) } @passphrases;
        my $first = chance(0.8) ? @words : 1 + int rand @words;
        return map { @$_ ? 'SessionCryptoPassphrase ' . join(' ', @$_) : () } [splice @words, 0, $first], \@words;
    }
    $section->{passphrases} = undef;
    $files->{"keys/$name"} = file($section, $row // (chance(0.2) ? one_of(sort keys %CHANGE) : undef), @passphrases);
    return "SessionCryptoPassphraseFile keys/$name";
}

# A passphrase file that the C module accepts. With a row, this module refuses it, or reads
# something else.
sub file {
    my ($section, $row, @passphrases) = @_;
    my $file = '';
    for my $passphrase (@passphrases) {
        $file .= one_of('', '', "\n", "  \t\n", "# a comment\n", "  # don't\n", "\r\n", ' ', "\t");
        $file .= word($passphrase);
        $file .= one_of("\n", "\n", "\n", ' ', "\r\n", " \n", " # a comment\n", "\\\n", '');
    }
    return $file if !defined $row;
    push @{ $section->{rows} }, $row;
    return $CHANGE{$row}->($file);
}

# Texts that applications may write, and some that none should.
sub text {
    my $now  = time;
    my $text = encode(random_session(1 + int rand(chance(0.8) ? 60 : 2000)));
    return $text if chance(0.4);
    my $expiry = 'expiry=' . one_of(1, map { int($_) . '000000' } $now - 1000, $now + 80_000, $now + 10_000, $now + 10 * MAX_AGE);
    return one_of("$text&$expiry", "$expiry&$text", $expiry) if chance(0.5);
    return one_of("$text&session-crypto=app", "session-crypto=$now.AAECAwQFBgcICQoLDA0ODw&$text") if chance(0.05);
    return one_of('', '&', '=', '&&=', "=$text", "$text&", "$text=", "&$text", "$text&a", "a&$text", 'a=b=c', '%zz=1', 'a=%zz', 'a=%0', 'a=%00b', "$text%",
        'a=b&A=c', 'a=b&a=', 'a=+', "a=\xff", "a=b\n", 'a=b;c=d', join('&', map {"k$_=v"} 1 .. 200));
}

# Tokens that only a holder of the passphrase can make.
my @FORGED = (
    ['wrong padding'         => sub { my ($key, $salt, $text) = @_; my $blocks = padded($text, $key->block); substr($blocks, -1) = bytes(1); $key->sealed($salt, bytes($key->block), $blocks) }],
    ['random blocks'         => sub { my ($key, $salt) = @_; $key->sealed($salt, bytes($key->block), bytes($key->block * (1 + int rand 4))) }],
    ['a NUL byte'            => sub { my ($key, $salt, $text) = @_; substr($text, rand length $text, 0) = "\0"; $key->token($text, salt => $salt) }],
    ['no blocks'             => sub { my ($key, $salt) = @_; $key->with_mac($salt . bytes($key->block)) }],
    ['a part of a block'     => sub { my ($key, $salt) = @_; $key->with_mac($salt . bytes($key->block + int rand 3 * $key->block)) }],
    ['no IV'                 => sub { my ($key, $salt) = @_; $key->with_mac($salt . bytes(int rand $key->block)) }],
    ['no salt'               => sub { my ($key) = @_; $key->with_mac(bytes(int rand 16)) }],
    ['text without padding'  => sub { my ($key, $salt, $text) = @_; $key->sealed($salt, bytes($key->block), substr $text . 'x' x $key->block, 0, $key->block) }],
);

sub forged {
    my ($key, $salt) = @_;
    return ('a session', $key->token(text(), salt => $salt)) if chance(0.7);
    my ($how, $make) = @{ one_of(@FORGED) };
    return ($how, $make->($key, $salt, text()));
}

my $BASE64 = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '+', '/';

sub on_bytes {
    my ($change) = @_;
    return sub { encode_base64($change->(decode_base64($_[0])), '') };
}

my @MUTATED = (
    ['a bit flipped'          => on_bytes(sub { my ($bytes) = @_; substr($bytes, rand length $bytes, 1) ^= chr 1 << rand 8; $bytes })],
    ['bytes cut at the end'   => on_bytes(sub { my ($bytes) = @_; substr $bytes, 0, rand length $bytes })],
    ['bytes cut at the start' => on_bytes(sub { my ($bytes) = @_; substr $bytes, rand length $bytes })],
    ['bytes after it'         => on_bytes(sub { $_[0] . bytes(1 + rand 40) })],
    ['bytes before it'        => on_bytes(sub { bytes(1 + rand 40) . $_[0] })],
    ['blocks swapped'         => on_bytes(sub { my ($head, $one, $two, $rest) = unpack 'a24 a16 a16 a*', $_[0]; $head . $two . $one . $rest })],
    ['random bytes'           => on_bytes(sub { bytes(length $_[0]) })],
    ['characters cut'         => sub { substr $_[0], 0, rand length $_[0] }],
    ['another character'      => sub { my ($token) = @_; substr($token, rand length $token, 1) = substr $BASE64, rand 64, 1; $token }],
    ['a foreign character'    => sub { my ($token) = @_; substr($token, rand length $token, 1) = chr one_of(9, 33 .. 126, 128 .. 255); $token }],
    ['a character more'       => sub { my ($token) = @_; substr($token, rand length $token, 0) = chr one_of(33 .. 126); $token }],
    ['junk after it'          => sub { $_[0] . one_of('.', ' ', '!', ' junk', '=', '==', ',', '-', '_', '%3d', "\x80") . one_of('', 'A', 'AAAA', $_[0]) }],
    ['another last character' => sub { my ($token) = @_; $token =~ s/([^=])(=*)\z/substr($BASE64, index($BASE64, $1) ^ 1, 1) . $2/er }],
    ['padding missing'        => sub { $_[0] =~ s/=+\z//r }],
    ['itself after it'        => sub { $_[0] . $_[0] }],
    ['the URL-safe alphabet'  => sub { $_[0] =~ tr{+/}{-_}r }],
    ['other case'             => sub { my ($token) = @_; substr($token, rand length $token, 1) =~ tr/A-Za-z/a-zA-Z/; $token }],
    ['percent-encoded'        => sub { $_[0] =~ s/=/%3D/gr =~ s/\+/%2B/gr }],
    ['in quotes'              => sub { qq("$_[0]") }],
    ['spaces around it'       => sub { " $_[0] " }],
    ['words'                  => sub { one_of('', 'junk', 'user=joe', '=', '====', 'A' x rand 200, text() =~ tr/\0\n\r//dr) }],
);

sub mutated {
    my ($token) = @_;
    my ($how, $change) = @{ one_of(@MUTATED) };
    return ($how, $change->($token));
}

1;
