package SessionCrypto::Refusal;

# Asserts that httpd refuses tokens of the JWE format, and changes one thing in tokens.
#
#   is_refused($httpd, 'a tag of zeros', '/path', $token);
#   is_refused($httpd, 'a tag of zeros', '/path', $token, 'tag is wrong');   # with its reason
#   is_opened($httpd, 'as httpd makes it', '/path', $token);      # the session user=mallory
#   children_live($httpd, @children);                             # none of them has ended
#   my $short = first(sub { make() }, sub { length $_[0] < 10 });  # of many
#   replaced(4, $tag, $token)      # another part, by its number
#   flipped($part, $bit)  noncanonical($part)

use strict;
use warnings;

use Exporter     qw(import);
use MIME::Base64 qw(decode_base64url encode_base64url);
use Test::More   ();

use SessionCrypto::Jwe qw(parts);

our @EXPORT_OK = qw(children_live first flipped is_opened is_refused noncanonical replaced);

# Tries a request that only reads the session, and one that sets a new one.
sub is_refused {
    my ($httpd, $name, $path, $token, $reason) = @_;
    my $client = $httpd->client;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::subtest("$path refuses: $name" => sub {
        for my $set (undef, 'user=joe') {
            my $before = () = $httpd->log->lines;
            my $res    = $client->get($path, session => $token, defined $set ? ('X-S' => $set) : ());
            Test::More::is($res->status, 200, 'the request goes on');
            Test::More::is($res->body, '', 'with an empty session');
            if (defined $set) {
                Test::More::is($client->get($path, session => $res->token // '')->body, $set, 'that can be set');
            }
            my @lines = $httpd->log->lines;
            @lines = grep { /\[session/ && (/session refused/ || !/:debug\]/) } @lines[$before .. $#lines];
            Test::More::is(@lines, 1, 'one line in error_log');
            # One line a second of each code is `info`.
            Test::More::like($lines[0] // '', qr/\[session_crypto:(?:info|debug)\] .*\] SC01\d\d: session refused/, 'with its code');
            Test::More::like($lines[0] // '', qr/ \Q$reason\E(?:, [\w-]+)?$/, "that says '$reason'") if defined $reason;
        }
    });
}

sub is_opened {
    my ($httpd, $name, $path, $token) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is($httpd->client->get($path, session => $token)->body, 'user=mallory', "$path opens: $name");
}

sub children_live {
    my ($httpd, @children) = @_;
    my %alive = map { $_ => 1 } $httpd->children;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is_deeply([grep { $alive{$_} } @children], \@children, 'every child is still running');
}

# Makes things until one is wanted.
sub first {
    my ($make, $is_wanted) = @_;
    for (1 .. 20_000) {
        my $made = $make->();
        return $made if $is_wanted->($made);
    }
    die "none in 20,000\n";
}

# A token with one part replaced.
sub replaced {
    my ($index, $part, $token) = @_;
    my @parts = parts($token);
    $parts[$index] = $part;
    return join '.', @parts;
}

sub flipped {
    my ($text, $bit) = @_;
    my $bytes = decode_base64url($text);
    substr($bytes, $bit / 8, 1) ^= chr 1 << $bit % 8;
    return encode_base64url($bytes);
}

# A text with another last character, which decodes to the same bytes.
sub noncanonical {
    my ($text) = @_;
    length($text) % 4 or die "every bit of $text is used\n";
    my $alphabet = join '', 'A' .. 'Z', 'a' .. 'z', 0 .. 9, '-', '_';
    my $last = index $alphabet, substr $text, -1;
    return substr($text, 0, -1) . substr $alphabet, $last | 1, 1;
}

1;
