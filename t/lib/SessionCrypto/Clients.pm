package SessionCrypto::Clients;

# Clients in processes of their own, which ask until they are stopped.
#
#   my $client = start_client(sub {
#       my ($goes_on) = @_;
#       my $asked = 0;
#       while ($goes_on->(0.01)) { ...; $asked++ }    # a pause of 0.01 s before each turn
#       return $asked;
#   });
#   my ($asked) = stop_client($client);

use strict;
use warnings;

use Exporter qw(import);
use POSIX    ();

our @EXPORT_OK = qw(start_client stop_client);

my @running;

# Starts a process that runs `$work`, which returns one line or several.
sub start_client {
    my ($work) = @_;
    pipe my $stop_read, my $stop_write or die "pipe: $!\n";
    pipe my $said_read, my $said_write or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        close $stop_write;
        close $said_read;
        $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
        # A client that kept these open would keep the others from ending.
        close $_->{stop} for @running;
        vec(my $bits = '', fileno $stop_read, 1) = 1;
        my @said = $work->(sub { !select my $ready = $bits, undef, undef, $_[0] });
        print {$said_write} map { s/\s+/ /gr . "\n" } @said;
        close $said_write;
        # Not exit: the servers in END blocks are the parent's.
        POSIX::_exit(0);
    }
    close $stop_read;
    close $said_write;
    push @running, { pid => $pid, stop => $stop_write, said => $said_read };
    return $running[-1];
}

# Stops a client, and returns the lines of its work.
sub stop_client {
    my ($client) = @_;
    close $client->{stop};
    my $said = $client->{said};
    chomp(my @said = <$said>);
    waitpid $client->{pid}, 0;
    @running = grep { $_ != $client } @running;
    return @said;
}

# Servers that a test leaves behind stop sooner without them.
END {
    my $status = $?;
    for my $client (@running) {
        kill TERM => $client->{pid};
        waitpid $client->{pid}, 0;
    }
    $? = $status;
}

1;
