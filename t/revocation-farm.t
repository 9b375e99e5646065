# A farm of three servers under restarts and crashes: each session that logs out on one of
# them stays out on all of them, and no other session ends.

use strict;
use warnings;

use POSIX qw(_exit);
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Httpd   ();
use SessionCrypto::Store   ();
use SessionCrypto::Waiting qw(wait_until);

use constant {
    SESSIONS => 1000,    # that log out, and as many that do not
    RESTARTS => 50,
    KILLED   => 20,      # children, agents among them
    CLIENTS  => 2,
    PATIENCE => 30,
};

my $store  = SessionCrypto::Store->new;
my @farm   = map { server() } 1 .. 3;
my $client = $farm[0]->client;
my ($out, $in) = map {
    [map { $client->get('/', 'X-S' => "user=joe&number=$_")->token } 1 .. SESSIONS]
} 1 .. 2;

my @clients = map { start_client($_) } 0 .. CLIENTS - 1;
for my $number (1 .. RESTARTS) {
    my $httpd = $farm[$number % @farm];
    eval { $httpd->graceful; 1 } or BAIL_OUT("restart $number: $@");
    kill_child() if $number % (RESTARTS / KILLED) < 1;
}
waitpid $_, 0 for @clients;

for my $number (0 .. $#farm) {
    my $httpd = $farm[$number];
    my $back;
    # The last news take a moment, and so does an agent that was killed last.
    my $deadline = time + PATIENCE;
    do {
        $back = grep { body($httpd, $_) ne '' } @$out;
    } while $back && time < $deadline;
    is($back, 0, "server $number: every session that has logged out is out");
    is(scalar(grep { body($httpd, $_) !~ /^user=joe/ } @$in), 0, 'and no other');
}
is($store->ask('ZCOUNT', 'session-crypto:1', time + 3600, '+inf'), SESSIONS, 'the store has a record for each');

for my $httpd (@farm) {
    $store->expect_in($httpd->log);
    $httpd->log->expect($_, 'what the test does') for
        qr/:info\].* session ended, the request goes on with an empty one/,
        qr/AH00052: child pid \d+ exit signal Killed/,
        qr/the agent of SessionCryptoRevocation has died/,
        qr/AH00488|AH00159|AH00161|AH00484|AH03490|AH10159|AH10392/;
    $httpd->log->clean;
    $httpd->stop;
}

done_testing;

sub server {
    return SessionCrypto::Httpd->new(config => <<"END")->start;
SessionCryptoPassphrase 'a passphrase of many bytes'
SessionCryptoRevocation @{[$store->url]}
END
}

# A request that a killed child was answering gets no answer. A user would try again.
sub body {
    my ($httpd, $token) = @_;
    return ask($httpd, session => $token)->body;
}

sub ask {
    my ($httpd, @headers) = @_;
    my $deadline = time + PATIENCE;
    while (time < $deadline) {
        my $answer = eval { $httpd->client->get('/', @headers) };
        return $answer if $answer && $answer->status == 200;
        sleep 0.01;
    }
    die "no answer\n";
}

# Logs out its share of the sessions, each on the next server, in a process of its own.
sub start_client {
    my ($which) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    $SIG{$_} = 'DEFAULT' for qw(INT TERM HUP);
    for my $number (grep { $_ % CLIENTS == $which } 0 .. $#$out) {
        my $httpd = $farm[ $number % @farm ];
        ask($httpd, session => $out->[$number], 'X-S' => 'user=&number=');
        sleep 0.01;
    }
    _exit(0);
}

# A server that has just begun a restart may have none for a moment.
sub kill_child {
    my $httpd = $farm[ int rand @farm ];
    my @children;
    wait_until(sub { @children = $httpd->children }, PATIENCE) or BAIL_OUT("no child within @{[PATIENCE]} s");
    kill KILL => $children[ int rand @children ];
    return;
}
