package SessionCrypto::System;

# Files and programs of the system.
#
#   my $bytes = read_file($path);
#   write_file($path, $bytes);
#   my $output = run('openssl', 'version');      # dies with the output if it fails

use strict;
use warnings;

use Exporter   qw(import);
use File::Spec ();
use POSIX      ();

our @EXPORT_OK = qw(read_file run write_file);

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
