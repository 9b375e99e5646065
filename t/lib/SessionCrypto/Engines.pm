package SessionCrypto::Engines;

# Shared by the tests of engines, providers and hardware tokens.
#
#   need_engine('gost', 'libengine-gost-openssl');     # or skip all tests
#   my $httpd = SessionCrypto::Httpd->new(config => section('/a', @lines), handlers => process_handler());
#   is_rejected($httpd, 'no engine', 'SessionCryptoCipher kuznyechik-cbc', 'unknown cipher');
#   my $token = seal($httpd, '/a');                    # the session user=joe
#   opens($httpd, '/a', $token, 'what it shows');
#   in_each_child($httpd, sub { my ($client) = @_; ... });
#   my @lines = log_of($httpd, sub { ... });
#   opened_by_openssl($dir, $token, 'cast5-cbc', block => 8, key => 16, digest => 'SHA1', with => '-provider legacy');

use strict;
use warnings;

use Crypt::KeyDerivation qw(pbkdf2);
use Exporter             qw(import);
use MIME::Base64         qw(decode_base64);
use Test::More           ();
use Time::HiRes          qw(time);

use SessionCrypto::Startup qw(MESSAGE line_of);

our @EXPORT_OK = qw(
    in_each_child is_rejected log_of need_engine opened_by_children opened_by_openssl opens process_handler seal section
);

use constant { SECONDS => 10, CLASSIC_ROUNDS => 4096, PASSPHRASE => 'secret' };

# Skips all tests where there cannot be such an engine: OpenSSL 4 has none, some
# distributions build OpenSSL without, and some have no package of this one. Everywhere
# else, a missing engine is a failure.
sub need_engine {
    my ($name, $package) = @_;
    Test::More::plan(skip_all => 'this OpenSSL has no engines') if !has_engine('dynamic');
    return if has_engine($name);
    my $policy = qx(apt-cache policy '$package' 2>/dev/null);
    Test::More::plan(skip_all => "no package here has the engine '$name'") if $policy !~ /^  Candidate: [0-9]/m;
    die "no engine '$name': install $package\n";
}

sub has_engine { return system("openssl engine '$_[0]' >/dev/null 2>&1") == 0 }

sub section {
    my ($path, @lines) = @_;
    return join "\n", "<Location $path>", @lines, "</Location>\n";
}

# Asserts that `httpd -t` finds a mistake in the first line with this beginning, and
# gives these words. Words that begin with S3cr3t are secrets.
sub is_rejected {
    my ($httpd, $name, $beginning, @words) = @_;
    my ($ok, $output) = $httpd->check;
    my $conf = $httpd->conf;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::subtest($name => sub {
        Test::More::ok(!$ok, 'httpd -t fails');
        # httpd itself says `on line 7`.
        my ($line, $message) = $output =~ /line (\d+) of \Q$conf\E:(.*)/s;
        Test::More::is($line, line_of($conf, $beginning), "at the line $beginning");
        Test::More::like($message // '', qr/\Q$_\E/, "it says '$_'") for @words;
        Test::More::like($output, MESSAGE, 'it begins with a code');
        Test::More::unlike($output, qr/S3cr3t/, 'it tells no secret');
    }) || Test::More::diag($output);
}

# The lines that error_log gets from some requests.
sub log_of {
    my ($httpd, $requests) = @_;
    my $before = () = $httpd->log->lines;
    $requests->();
    my @lines = $httpd->log->lines;
    return @lines[$before .. $#lines];
}

# The handler that in_each_child asks, at /process.
sub process_handler {
    my ($lua) = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
    return qq(LuaMapHandler "^/process" "$lua/process.lua");
}

# Makes requests until several children have answered some, and returns how many
# children. Another child may answer between two calls, so each gets a few.
sub in_each_child {
    my ($httpd, $requests) = @_;
    my $client = $httpd->client;
    my %answered;
    my $deadline = time + SECONDS;
    while (keys %answered < 2 || grep { $_ < 3 } values %answered) {
        last if time > $deadline;
        $requests->($client);
        $answered{ $client->get('/process')->body }++;
    }
    return scalar keys %answered;
}

sub seal {
    my ($httpd, $path) = @_;
    return $httpd->client->get($path, 'X-S' => 'user=joe')->token // '';
}

# Asserts that a token opens, and is not written again.
sub opens {
    my ($httpd, $path, $token, $name) = @_;
    my $res = $httpd->client->get($path, session => $token);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::is($res->body, 'user=joe', "$path: $name");
    return Test::More::is($res->token, undef, 'and is left as it is');
}

# Asserts that every child opens the tokens, by path, of the session `user=joe`.
sub opened_by_children {
    my ($httpd, $token, $when) = @_;
    my %bad;
    my $children = in_each_child($httpd, sub {
        my ($client) = @_;
        $client->get("/$_", session => $token->{$_})->body eq 'user=joe' or $bad{$_} = 1 for sort keys %$token;
    });
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::cmp_ok($children, '>=', 2, "$when, several children answer");
    return Test::More::is_deeply([sort keys %bad], [], 'and open all that was sealed before');
}

# The session in a classic token, decrypted by the `openssl` program with the same
# engine or provider.
sub opened_by_openssl {
    my ($dir, $token, $cipher, %args) = @_;
    my (undef, $salt, $rest) = unpack 'a8 a16 a*', decode_base64($token);
    my ($iv, $ciphertext) = unpack sprintf('a%d a*', $args{block}), $rest;
    open my $file, '>:raw', "$dir/ciphertext" or die "$dir/ciphertext: $!\n";
    print {$file} $ciphertext;
    close $file or die "$dir/ciphertext: $!\n";
    my $bytes = pbkdf2(PASSPHRASE, $salt, CLASSIC_ROUNDS, $args{digest} // 'SHA1', $args{key});
    my ($key_hex, $iv_hex) = map { unpack 'H*', $_ } $bytes, $iv;
    return qx(openssl enc -d -$cipher $args{with} -K $key_hex -iv $iv_hex -in '$dir/ciphertext' 2>/dev/null);
}

1;
