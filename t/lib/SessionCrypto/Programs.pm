package SessionCrypto::Programs;

# The programs of docs/open-a-session, in each of their languages.
#
#   for my $program (programs('session', $dir)) {    # where it may write files
#       my ($printed, $said) = $program->run($token, 'open', 'shop');
#       $program->refuses('a token for another purpose', qr/purpose/, $token, 'mail');
#   }
#
# A missing library is a failure of the programs that need it. Go's library is an
# exception: only some distributions have a package of it.

use strict;
use warnings;

use Exporter qw(import);
use FindBin  ();
use POSIX    ();
use Test::More ();

our @EXPORT_OK = qw(programs);

# Where Debian has the sources of Go's libraries.
my $GO_PACKAGES = '/usr/share/gocode';

sub programs {
    my ($name, $dir) = @_;
    my $path    = "$FindBin::Bin/../docs/open-a-session/$name";
    my %COMMAND = (
        'Python jwcrypto' => [first_that('import jwcrypto', qw(python3 /usr/bin/python3)), "$path.py"],
        'Node.js jose'    => ['node', "$path.mjs"],
        'Perl Crypt::JWT' => [$^X, "$path.pl"],
    );
    $COMMAND{'Go go-jose'} = [built("$path.go", $dir)] if -e "$path.go" && -d "$GO_PACKAGES/src/gopkg.in/square/go-jose.v2";
    return map { bless { name => $_, command => $COMMAND{$_}, dir => $dir }, __PACKAGE__ } sort keys %COMMAND;
}

# Compiles a program, which takes some seconds. Debian's packages of Go are not modules.
sub built {
    my ($source, $dir) = @_;
    local @ENV{qw(GO111MODULE GOPATH GOCACHE GOTMPDIR GOFLAGS)} = ('off', $GO_PACKAGES, "$dir/go-cache", $dir, '');
    system('go', 'build', '-o', "$dir/program", $source) == 0 or die "go build $source failed\n";
    return "$dir/program";
}

sub name { return $_[0]{name} }

# Runs the program with bytes on its standard input. Returns its output and, if it
# fails, its error message.
sub run {
    my ($self, $input, @arguments) = @_;
    my ($in, $errors) = map { "$self->{dir}/$_" } 'in', 'errors';
    open my $file, '>:raw', $in or die "$in: $!\n";
    print {$file} $input;
    close $file or die "$in: $!\n";
    my $pid = open my $output, '-|' // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<', $in     or die "$in: $!\n";
        open STDERR, '>', $errors or die "$errors: $!\n";
        exec @{ $self->{command} }, @arguments or POSIX::_exit(127);
    }
    binmode $output;
    my $text = do { local $/; <$output> } // '';
    close $output;
    my $failed = $?;
    open $file, '<', $errors or die "$errors: $!\n";
    my $said = do { local $/; <$file> } // '';
    Test::More::diag("$self->{name} @arguments: $said") if $failed && $said !~ /^refused: /;
    return ($text, $failed ? $said : '');
}

# Asserts that the program does not open a token, and gives the reason.
sub refuses {
    my ($self, $name, $reason, $token, @purpose) = @_;
    my ($text, $said) = $self->run($token, 'open', @purpose);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::subtest("$self->{name} refuses $name" => sub {
        Test::More::is($text, '', 'prints nothing');
        Test::More::like($said, qr/^refused: .*$reason/m, 'and says why');
    });
}

# Finds an interpreter, among several, that understands a line of its language.
sub first_that {
    my ($line, @programs) = @_;
    for my $program (@programs) {
        return $program if system("'$program' -c '$line' >/dev/null 2>&1") == 0;
    }
    return $programs[0];
}

1;
