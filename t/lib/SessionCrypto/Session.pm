package SessionCrypto::Session;

# Sessions as mod_session writes them: name=value pairs, escaped, joined by `&`.
#
# A session holds every byte but NUL. mod_session drops a pair without a value and
# ignores the case of names, so the smallest session is one byte long.

use strict;
use warnings;

use Exporter qw(import);

our @EXPORT_OK = qw(encode decode random_session);

# Escapes everything but letters and digits as %xx. mod_session unescapes either.
sub encode {
    my ($session) = @_;
    my $escape = sub { $_[0] =~ s/([^A-Za-z0-9])/sprintf '%%%02x', ord $1/ger };
    return join '&', map { $escape->($_) . '=' . $escape->($session->{$_}) } sort keys %$session;
}

sub decode {
    my ($text) = @_;
    my $unescape = sub { $_[0] =~ tr/+/ /r =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ger };
    return { map { my ($name, $value) = split /=/, $_, 2; ($unescape->($name), $unescape->($value // '')) }
            split /&/, $text };
}

# A session whose values have `size` bytes together.
sub random_session {
    my ($size) = @_;
    my $pairs = 1 + int rand($size < 4 ? $size : 4);
    my %session;
    for my $left (reverse 0 .. $pairs - 1) {
        my $length = $left ? 1 + int rand($size - $left) : $size;
        $session{"k$left"} = join '', map { chr 1 + int rand 255 } 1 .. $length;
        $size -= $length;
    }
    return \%session;
}

1;
