# Sessions open in JOSE libraries that others wrote, and theirs open here: by
# the programs of docs/open-a-session, under each cipher of JWE, with and
# without a purpose. A library that is missing is a failure.

use strict;
use warnings;

use FindBin;
use POSIX ();
use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Session qw(decode encode);

my $programs = "$FindBin::Bin/../docs/open-a-session";
my %PROGRAM  = (
    'Python jwcrypto' => [first_that('import jwcrypto', qw(python3 /usr/bin/python3)), "$programs/session.py"],
    'Node.js jose'    => ['node', "$programs/session.mjs"],
    'Perl Crypt::JWT' => [$^X, "$programs/session.pl"],
);
my %ENC = ('aes-128-gcm' => 'A128GCM', 'aes-192-gcm' => 'A192GCM', 'aes-256-gcm' => 'A256GCM');
my %PURPOSE = (any => undef, shop => "the shop's, at https://shop.example/?a=1&b=2");

# Every byte that a session can hold, as mod_session writes it.
my $session = encode({ user => 'joe', every => join '', map { chr } 1 .. 255 });

my $config = qq(SessionCryptoPassphraseFile "\@DIR\@/passphrases"\n);
for my $cipher (sort keys %ENC) {
    for my $name (sort keys %PURPOSE) {
        my $purpose = defined $PURPOSE{$name} ? qq(SessionCryptoPurpose "$PURPOSE{$name}"\n) : '';
        $config .= "<Location /$cipher/$name>\nSessionCryptoCipher $cipher\n$purpose</Location>\n";
    }
}
$config .= "<Location /expires>\nSessionCryptoCipher aes-256-gcm\nSessionMaxAge 1\n</Location>\n";
my $httpd = SessionCrypto::Httpd->new(name => 'jose', config => $config);
# Bytes above ASCII, and more of them than HMAC takes for a key.
my $passphrase = "caf\xc3\xa9+\xff" . 'long' x 30;
$ENV{SESSION_PASSPHRASE_FILE} = $httpd->write_file('passphrases', "$passphrase\n");
$httpd->start;
my $client = $httpd->client;

for my $library (sort keys %PROGRAM) {
    for my $cipher (sort keys %ENC) {
        for my $name (sort keys %PURPOSE) {
            my @purpose = $PURPOSE{$name} // ();
            my $for     = "$cipher, " . (@purpose ? 'a purpose' : 'no purpose');
            my $token   = $client->get("/$cipher/$name", 'X-S' => $session)->token // '';
            my ($opened) = run($library, $token, 'open', @purpose);
            is(same($opened), $session, "$library opens: $for");
            ($token) = run($library, $session, 'make', $ENC{$cipher}, @purpose);
            my $res = $client->get("/$cipher/$name", session => $token);
            is(same($res->body), $session, "httpd opens what $library makes: $for");
            is($res->token, undef, 'and has no reason to seal it again');
        }
    }
}

my $token   = $client->get('/aes-256-gcm/shop', 'X-S' => $session)->token // '';
my $expires = $client->get('/expires', 'X-S' => 'user=joe')->token // '';
my $other   = $httpd->write_file('other', "$passphrase \n");
my $second  = $httpd->write_file('second', "first\n$passphrase\n");
sleep 2;
for my $library (sort keys %PROGRAM) {
    my $purpose = $PURPOSE{shop};
    is_refused($library, 'a token without its purpose', qr/purpose/, $token);
    is_refused($library, 'a purpose that differs in a letter', qr/purpose/, $token, $purpose =~ s/shop/Shop/r);
    is_refused($library, 'a token with a letter changed', qr/tag/, change($token), $purpose);
    is_refused($library, 'a tag cut short', qr/tag|not a token/, substr($token, 0, -4), $purpose);
    is_refused($library, 'a session that has expired', qr/expired/, $expires);
    is_refused($library, 'a classic token', qr/not a token/, 'A' x 76 . '==');
    local $ENV{SESSION_PASSPHRASE_FILE} = $other;
    is_refused($library, 'another passphrase', qr/key id/, $token, $purpose);
    $ENV{SESSION_PASSPHRASE_FILE} = $second;
    is(same(run($library, $token, 'open', $purpose)), $session, "$library opens under the second passphrase");
}

$httpd->stop;
$httpd->log->clean;

done_testing;

# mod_session escapes fewer characters than we do.
sub same { return encode(decode($_[0])) }

# A program that understands a line of its language, of several.
sub first_that {
    my ($line, @programs) = @_;
    for my $program (@programs) {
        return $program if system("'$program' -c '$line' >/dev/null 2>&1") == 0;
    }
    return $programs[0];
}

# Runs a program with bytes on its standard input; what it prints, and says.
sub run {
    my ($library, $input, @arguments) = @_;
    my $in     = $httpd->write_file('in', $input);
    my $errors = $httpd->dir . '/errors';
    my $pid = open my $output, '-|' // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<', $in     or die "$in: $!\n";
        open STDERR, '>', $errors or die "$errors: $!\n";
        exec @{ $PROGRAM{$library} }, @arguments or POSIX::_exit(127);
    }
    binmode $output;
    my $text = do { local $/; <$output> } // '';
    close $output;
    my $failed = $?;
    open my $file, '<', $errors or die "$errors: $!\n";
    my $said = do { local $/; <$file> } // '';
    diag("$library @arguments: $said") if $failed && $said !~ /^refused: /;
    return ($text, $failed ? $said : '');
}

sub is_refused {
    my ($library, $name, $reason, $input, @purpose) = @_;
    my ($text, $said) = run($library, $input, 'open', @purpose);
    subtest "$library refuses $name" => sub {
        is($text, '', 'prints nothing');
        like($said, qr/^refused: .*$reason/m, 'and says why');
    };
}

# One letter of the ciphertext.
sub change {
    my @parts = split /\./, $_[0];
    substr($parts[3], 5, 1) = substr($parts[3], 5, 1) eq 'A' ? 'B' : 'A';
    return join '.', @parts;
}
