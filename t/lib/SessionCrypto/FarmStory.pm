package SessionCrypto::FarmStory;

# The story of a farm while its users work: servers die and restart, one is replaced, ciphers
# and keys change, database and store go and come back. Each event is a line with the time; the
# end is a count of sessions that were lost.
#
#   my $was_right = tell_story(\*STDOUT, pace => 'short', mistakes => { 'no-overlap' => 1 });
#
#   pace        'long': about a minute; 'short': about a quarter of that
#   mistakes    'no-overlap': the new key file lacks the old key
#               'no-store': the servers do not tell each other of logouts
#               With a mistake the story has that event alone.

use strict;
use warnings;

use Exporter qw(import);
use IO::Handle ();
use Time::HiRes qw(sleep time);

use SessionCrypto::Farm      ();
use SessionCrypto::FarmUsers ();
use SessionCrypto::KeySets   qw(key_id);
use SessionCrypto::Pages     qw(blocks);
use SessionCrypto::System    qw(read_file run);
use SessionCrypto::Waiting   qw(wait_until);

our @EXPORT_OK = qw(tell_story);

# Users' processes; right answers of each application between two events; seconds until a new
# key begins. In a long story, the servers look at the key file by themselves, every 30 s.
my %PACE = (
    long  => { processes => 3, answers => 80, lead => 40, rereads => 1 },
    short => { processes => 2, answers => 6, lead => 8 },
);

use constant { SECONDS => 60, NEWS => 15, STILL => 0.5 };

sub tell_story {
    my ($out, %args) = @_;
    my $mistakes = $args{mistakes} // {};
    my $self = bless { out => $out, began => time, %{ $PACE{ $args{pace} } } }, __PACKAGE__;
    $out->autoflush;
    my $farm = $self->{farm} = SessionCrypto::Farm->new(users => SessionCrypto::FarmUsers::names($self->{processes}),
        without_store => $mistakes->{'no-store'});
    $self->say_farm;
    $self->{users} = SessionCrypto::FarmUsers->new(farm => $farm, processes => $self->{processes});
    $self->event('users log in and work') or return;
    if (%$mistakes) { $self->make_mistakes($mistakes) }
    else            { $self->live }
    return $self->sum_up;
}

sub live {
    my ($self) = @_;
    my ($farm, $users) = @$self{qw(farm users)};
    my $old = $self->newest_key;
    $farm->rotate(lead => $self->{lead});
    my $begins = time + $self->{lead};
    $self->event("a new key is pushed to all servers, which begins in $self->{lead} seconds");
    if (!$self->{rereads}) {
        $_->graceful for $farm->ours;
        $self->event('servers 1 and 2 restart gracefully, and read it');
    }

    $users->allow('logouts');
    $self->event('users log out, and in again');
    $self->without_logouts(sub { $self->kill_in_the_middle($farm->server(2)) });
    $self->event('server 2 is dead: kill -9 of all its processes');
    $farm->server(2)->start_again;
    $self->event('server 2 starts again');
    $self->without_logouts(sub { $self->kill_in_the_middle($farm->server(3)) });
    $self->event('server 3, with httpd\'s own module, is dead', 'classic');
    $farm->replace_third;
    $users->allow('classic-logouts');
    $self->event('server 3 starts with the new module, and the balancer has it for all applications');
    $farm->set_ciphers($_), $self->event("all servers restart gracefully, with the ciphers $_ for /classic/")
        for 'aes256 aes-256-gcm', 'aes-256-gcm aes256';

    $users->database_goes;
    $farm->database->stop;
    $self->event('PostgreSQL is stopped', qw(classic cookie));
    $farm->database->start;
    $users->database_is_back;
    $self->event('PostgreSQL starts again');
    $users->database_goes;
    $farm->database->kill;
    $farm->database->start;
    $users->database_is_back;
    $self->event('PostgreSQL has died, and starts again');
    $farm->store->kill;
    $self->event('Redis is dead: kill -9');
    $farm->store->start;
    $self->event('Redis starts again, empty');

    sleep 0.1 while time < $begins;
    wait_until(sub { $self->newest_key ne $old }, SECONDS) or die "the new key does not seal\n";
    $self->event('the new key seals');
    my ($sealed, $stale) = $self->rekey;
    die "$stale rows are stale\n" if $stale;
    $self->event("htsession rekey has sealed $sealed rows again, and none is under the old key");
    $self->without_logouts(sub { $_->crash, $_->start_again for $farm->servers });
    $self->event('each server in turn is killed, and starts again');
    $farm->balancer->graceful;
    $self->event('the balancer restarts gracefully');
    return;
}

sub make_mistakes {
    my ($self, $mistakes) = @_;
    my ($farm, $users) = @$self{qw(farm users)};
    $users->allow('logouts');
    if ($mistakes->{'no-overlap'}) {
        $farm->roll_without_overlap;
        $_->graceful for $farm->ours;
        $self->event('a mistake: all servers have a new key file without the old key');
    }
    $self->event('a mistake: the servers have no store, and do not tell each other of logouts') if $mistakes->{'no-store'};
    return;
}

# Prints an event, and waits until users have had answers after it.
sub event {
    my ($self, $what, @applications) = @_;
    $self->announce($what);
    @applications = SessionCrypto::Farm::APPLICATIONS if !@applications;
    $self->{users}->wait_for(map { $_ => $self->{answers} } @applications);
    my $count = $self->{users}->count;
    $self->say(sprintf '%10s%d requests, %d asked again, %d without the database, %d sessions lost', '', @$count{qw(requests again away lost)});
    return 1;
}

# A server that dies in the same moment takes a logout with it that it has told nobody yet.
sub without_logouts {
    my ($self, $event) = @_;
    $self->{users}->forbid('logouts');
    $self->{users}->wait_for(cookie => 10, database => 10);
    $event->();
    $self->{users}->allow('logouts');
    return;
}

# Kills a server that hangs, when all users wait for it: their requests are lost for sure.
sub kill_in_the_middle {
    my ($self, $httpd) = @_;
    $httpd->freeze;
    my ($before, $since) = (-1, time);
    wait_until(sub {
        my $requests = $self->{users}->count->{requests};
        ($before, $since) = ($requests, time) if $requests != $before;
        return time - $since > STILL;
    }, SECONDS) or die "users do not wait for a server that hangs\n";
    $httpd->crash;
    return;
}

# The id of the key that seals rows of the table now.
sub newest_key {
    my ($self) = @_;
    my ($value) = $self->{farm}->database->query('select value from session where not is_old order by expiry desc limit 1');
    return key_id($value) // '';
}

# Runs the program of docs/rotation.md, and then looks what is left for it to do.
sub rekey {
    my ($self) = @_;
    my $farm = $self->{farm};
    my ($program) = grep { $_->{text} =~ /psql/ && $_->{text} =~ /rekey/ } blocks('docs/rotation.md', 'sh');
    my ($commands) = SessionCrypto::Httpd::env('HTSESSION') =~ m{^(.+)/};
    local @ENV{qw(PATH PGHOST PGUSER PGDATABASE)} = $farm->database->environment;
    local $ENV{PATH} = "$commands:$ENV{PATH}";
    my @lines;
    for (1 .. 2) {
        run('sh', '-c', "cd '@{[$farm->dir]}' && $program->{text}");
        push @lines, scalar(() = read_file($farm->dir . '/rekeyed') =~ /\n/g);
    }
    return @lines;
}

sub say_farm {
    my ($self) = @_;
    my $farm = $self->{farm};
    my $name = sub { '127.0.0.1:' . $_[0]->port };
    $self->say($_) for "balancer  @{[$name->($farm->balancer)]}",
        (map { "server $_  @{[$name->($farm->server($_))]}" . ($farm->server($_)->{module} eq 'c' ? ', with httpd\'s own mod_session_crypto, for /classic/' : '') } 1 .. 3),
        "Redis     @{[$name->($farm->store)]}", 'PostgreSQL on a socket', '';
    return;
}

# Prints the counts, and returns whether all is well.
sub sum_up {
    my ($self) = @_;
    my ($farm, $users) = @$self{qw(farm users)};
    $self->announce('all users come back, and log out');
    my @lost = $users->finish;
    $self->announce('the cookies from before each logout are shown to all servers');
    # The last news of logouts take a moment.
    my ($copies, $returned);
    wait_until(sub { ($copies, $returned) = $users->returned; !$returned }, $self->{farm}{without_store} ? 1 : NEWS);
    $self->announce('the farm stops');
    $farm->stop;
    my @unexpected = $farm->unexpected;
    my $count = $users->count;
    $self->say($_) for '', map { "lost: $_" } @lost > 10 ? (@lost[0 .. 9], @lost - 10 . ' more') : @lost;
    $self->say("log: $_") for @unexpected > 10 ? @unexpected[0 .. 9] : @unexpected;
    $self->say(sprintf '%6d %s', @$_) for
        [$count->{requests}, 'requests, through the balancer'],
        [$count->{logins},   'logins'],
        [$count->{logouts},  'logouts'],
        [$count->{again},    'requests asked again, because a server did not answer'],
        [$count->{away},     'requests without their session, because the database was away'],
        [scalar(@unexpected), 'lines in the logs that this does not explain'],
        [$returned,          "sessions that came back with one of $copies cookies from before a logout"],
        [scalar(@lost),      'sessions lost'];
    return !@lost && !$returned && !@unexpected;
}

sub announce {
    my ($self, $what) = @_;
    return $self->say(sprintf '%6.1f s  %s', time - $self->{began}, $what);
}

sub say {
    my ($self, $line) = @_;
    print { $self->{out} } "$line\n";
    return;
}

1;
