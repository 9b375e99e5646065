package SessionCrypto::Startup;

# The answer of `httpd -t` to a configuration.
#
#   is_wrong($httpd, 'an empty purpose', 'a purpose is', '1 to 128');    # words that it says
#   is_accepted($httpd, 'a purpose');
#   is_warned($httpd, 'a short passphrase', 'shorter than 16 bytes');    # accepted, with a warning
#   is_quiet($httpd, 'a long passphrase');                               # accepted, without any
#   line_of($path, '<VirtualHost')         # the first that begins so
#   inside('Location /shop', $lines)       # lines in a section
#   host($lines)                           # lines in a virtual host
#
# The line at fault is the one below a comment `# wrong:`. Without such a comment, it is
# the last line that sets a directive of ours. SECRET stands for every secret of a
# configuration: nobody can guess it, and no message may have it.
#
# MESSAGE is the beginning of a message of `httpd -t`: a code, and then the directive or the
# place at fault. HTACCESS is the same for a .htaccess file, in error_log. Messages of httpd
# itself have no code.

use strict;
use warnings;

use Exporter   qw(import);
use Test::More ();

our @EXPORT_OK = qw(HTACCESS MESSAGE SECRET host inside is_accepted is_quiet is_warned is_wrong line_of);

use constant SECRET   => 'S3cr3t-of-many-bytes';
use constant CODE     => qr/SC0[379]\d\d/;
use constant MESSAGE  => qr/^(?:\[.*\] )?${\CODE}: (?:SessionCrypto|on line \d+ of |in the )|^SessionCrypto\w+ not allowed /m;
use constant HTACCESS => qr/\.htaccess: (?:${\CODE}: SessionCrypto|SessionCrypto\w+ not allowed here)/;

sub is_wrong {
    my ($httpd, $name, @words) = @_;
    my ($ok, $output) = $httpd->check;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::subtest($name => sub {
        Test::More::ok(!$ok, 'httpd -t fails');
        my $conf = $httpd->conf;
        my ($line) = $output =~ /on line (\d+) of \Q$conf\E:/;
        Test::More::is($line, line_at_fault($conf), 'the message names file and line');
        # Only the text after httpd's own prefix counts.
        my $message = $output =~ s/.*?on line \d+ of \Q$conf\E://sr;
        Test::More::like($message, qr/\Q$_\E/, "it says '$_'") for @words;
        Test::More::like($output, MESSAGE, 'it begins with a code, unless it is of httpd');
        my @codes = $output =~ /${\CODE}/g;
        Test::More::cmp_ok(@codes, '<=', 1, 'and has no other');
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

# Asserts one warning, and no more, however many sections and hosts inherit the line.
sub is_warned {
    my ($httpd, $name, @words) = @_;
    my $output = is_accepted($httpd, $name);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::subtest("a warning: $name" => sub {
        my $conf  = $httpd->conf;
        my @lines = grep { /\[session_crypto:/ } split /\n/, $output;
        Test::More::is(@lines, 1, 'one line');
        Test::More::like($lines[0] // '', qr/\[session_crypto:warn\] (?:.*\] )?SC04\d\d: on line @{[line_at_fault($conf)]} of \Q$conf\E: /, 'a warning with a code that names file and line');
        Test::More::like($lines[0] // '', qr/\Q$_\E/, "it says '$_'") for @words;
        Test::More::unlike($output, qr/${\SECRET}/, 'it tells no secret');
    }) or Test::More::diag($output);
    return $output;
}

sub is_quiet {
    my ($httpd, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::unlike(is_accepted($httpd, $name), qr/\[session_crypto:/, 'without a warning');
}

sub inside {
    my ($section, $lines) = @_;
    my ($name, $argument) = $section =~ /^(\w+) (.*)/;
    return qq(<$name "$argument">\n$lines\n</$name>\n);
}

sub host { return inside('VirtualHost *', $_[0]) }

sub line_of {
    my ($path, $beginning) = @_;
    my @lines = lines($path);
    for my $number (1 .. @lines) {
        return $number if $lines[$number - 1] =~ /^\s*\Q$beginning\E/;
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
