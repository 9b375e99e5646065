package SessionCrypto::Startup;

# What `httpd -t` says of a configuration.
#
#   is_wrong($httpd, 'an empty purpose', 'a purpose is', '1 to 128');    # words that it says
#   is_accepted($httpd, 'a purpose');
#   line_of($path, '<VirtualHost')         # the first that begins so
#
# The line at fault is the one below a comment `# wrong:`, or else the last that
# sets something of ours. SECRET stands for every secret of a configuration, which
# no message may have.

use strict;
use warnings;

use Exporter   qw(import);
use Test::More ();

our @EXPORT_OK = qw(SECRET is_accepted is_wrong line_of);

use constant SECRET => 'S3cr3t';

sub is_wrong {
    my ($httpd, $name, @words) = @_;
    my ($ok, $output) = $httpd->check;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::subtest($name => sub {
        Test::More::ok(!$ok, 'httpd -t fails');
        my $conf = $httpd->conf;
        my ($line) = $output =~ /on line (\d+) of \Q$conf\E:/;
        Test::More::is($line, line_at_fault($conf), 'the message names file and line');
        # Only what comes after httpd's own prefix counts.
        my $message = $output =~ s/.*?on line \d+ of \Q$conf\E://sr;
        Test::More::like($message, qr/\Q$_\E/, "it says '$_'") for @words;
        Test::More::unlike($output, qr/${\SECRET}/, 'it tells no secret');
    }) or Test::More::diag($output);
    return $output;
}

sub is_accepted {
    my ($httpd, $name) = @_;
    my ($ok, $output) = $httpd->check;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::ok($ok, "accepted: $name") or Test::More::diag($output);
    return $output;
}

sub line_of {
    my ($path, $beginning) = @_;
    my @lines = lines($path);
    for my $number (1 .. @lines) {
        return $number if $lines[$number - 1] =~ /^\Q$beginning\E/;
    }
    return 'none';
}

sub line_at_fault {
    my ($path) = @_;
    my @lines = lines($path);
    my @ours;
    for my $number (1 .. @lines) {
        return $number + 1 if $lines[$number - 1] =~ /^# wrong:/;
        push @ours, $number if $lines[$number - 1] =~ /^SessionCrypto/;
    }
    return $ours[-1];
}

sub lines {
    my ($path) = @_;
    open my $file, '<', $path or die "$path: $!\n";
    return <$file>;
}

1;
