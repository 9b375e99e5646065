package SessionCrypto::System;

# Files and programs of the system.
#
#   need_program('swtpm', 'swtpm');              # or skip all tests, where no package has it
#   my $bytes = read_file($path);
#   write_file($path, $bytes);
#   my $output = run('openssl', 'version');      # dies with the output if it fails

use strict;
use warnings;

use Exporter   qw(import);
use File::Spec ();
use POSIX      ();
use Test::More ();

our @EXPORT_OK = qw(need_program read_file run write_file);

# Skips all tests where the distribution has no such program. Elsewhere a missing one is a
# failure.
sub need_program {
    my ($program, $package) = @_;
    return if grep { -x "$_/$program" } qw(/usr/sbin /sbin), split /:/, $ENV{PATH};
    my $policy = qx(apt-cache policy '$package' 2>/dev/null);
    Test::More::plan(skip_all => "no package here has $program: Debian has it in $package") if $policy !~ /^  Candidate: [0-9]/m;
    die "no $program: install $package\n";
}

sub read_file {
    my ($path) = @_;
    open my $file, '<:raw', $path or die "$path: $!\n";
    local $/;
    return <$file> // '';
}

sub write_file {
    my ($path, $bytes) = @_;
    open my $file, '>:raw', $path or die "$path: $!\n";
    print {$file} $bytes;
    close $file or die "$path: $!\n";
    return;
}

# Runs a program without input, and returns its output and errors.
sub run {
    my (@command) = @_;
    my $pid = open my $output, '-|' // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<', File::Spec->devnull;
        open STDERR, '>&', \*STDOUT;
        exec @command or POSIX::_exit(127);
    }
    my $said = do { local $/; <$output> } // '';
    close $output or die "@command: $said\n";
    return $said;
}

1;
