package SessionCrypto::FarmUsers;

# The users of a farm, in processes of their own. Each knows what it was told last: the name and
# the count that its session has. An answer that says something else is a session that is lost.
#
#   my $users = SessionCrypto::FarmUsers->new(farm => $farm, processes => 2);
#   $users->count->{requests}             # of all users so far; see COUNTS
#   $users->wait_for(database => 100);    # until there are 100 more right answers of /database/
#   $users->allow('logouts');             # see `is_allowed`
#   $users->database_goes;  $users->database_is_back;
#   $users->finish;                       # all come back, log out and end
#   $users->returned                      # how many copies of cookies open after the logout
#
# A request is asked again where there is no answer, or one of a balancer without servers. A
# request of /database/ that has no session while the database is away is asked again when it
# is back. Any other answer counts.

use strict;
use warnings;

use POSIX      ();
use Time::HiRes qw(sleep time);

use SessionCrypto::Clients qw(start_client stop_client);
use SessionCrypto::Farm    ();
use SessionCrypto::System  qw(read_file write_file);
use SessionCrypto::Waiting qw(wait_until);

# `away` are requests without a session while the database was away.
use constant COUNTS => qw(requests logins logouts again away lost), SessionCrypto::Farm::APPLICATIONS;

# Users of each process and application: those who work, and those who come back at the end.
use constant { BUSY => 2, IDLE => 2 };
use constant { PAUSE => 0.01, SECONDS => 40 };

sub names {
    my ($processes) = @_;
    return $processes * (BUSY + IDLE) * SessionCrypto::Farm::APPLICATIONS;
}

sub new {
    my ($class, %args) = @_;
    my $self = bless { farm => $args{farm}, dir => $args{farm}->dir, outages => 0 }, $class;
    $self->_tell_of_database;
    my $next = 1;
    for my $number (1 .. $args{processes}) {
        my @users;
        for my $application (SessionCrypto::Farm::APPLICATIONS) {
            push @users, map { { name => 'user' . $next++, application => $application, is_idle => $_ > BUSY } } 1 .. BUSY + IDLE;
        }
        push @{ $self->{clients} }, start_client(sub { $self->_work($number, $_[0], @users) });
    }
    return $self;
}

# The counts of all users so far.
sub count {
    my ($self) = @_;
    my %count = map { $_ => 0 } COUNTS;
    for my $path (glob "$self->{dir}/count*") {
        my %of_one = map { split /=/ } split / /, read_file($path);
        $count{$_} += $of_one{$_} for keys %of_one;
    }
    return \%count;
}

sub wait_for {
    my ($self, %more) = @_;
    my $before = $self->count;
    my $has    = sub { my $count = $self->count; return !grep { $count->{$_} < $before->{$_} + $more{$_} } keys %more };
    wait_until($has, SECONDS) or die 'no ' . join(', ', map { "$more{$_} right answers of /$_/" } sort keys %more) . " within @{[SECONDS]} s\n";
    return;
}

# Users do some things only when they may: `logouts`, and `classic-logouts`.
sub allow  { write_file("$_[0]{dir}/may-$_[1]", ''); return }
sub forbid { unlink "$_[0]{dir}/may-$_[1]"; return }

sub _is_allowed { return -e "$_[0]{dir}/may-$_[1]" }

# An odd number of outages: the database is away.
sub database_goes    { $_[0]{outages}++; $_[0]->_tell_of_database; return }
sub database_is_back { $_[0]{outages}++; $_[0]->_tell_of_database; return }

sub _tell_of_database {
    my ($self) = @_;
    write_file("$self->{dir}/outages.new", $self->{outages});
    rename "$self->{dir}/outages.new", "$self->{dir}/outages" or die "outages: $!\n";
    return;
}

# Has all users come back and log out, and returns lines about each session that was lost.
sub finish {
    my ($self) = @_;
    my @lost;
    for my $client (@{ delete $self->{clients} }) {
        push @lost, stop_client($client);
    }
    return grep { /\S/ } @lost;
}

# Shows the cookies of sessions that have logged out to every server.
sub returned {
    my ($self) = @_;
    my @copies = map { map { [split /\t/] } split /\n/, read_file($_) } glob "$self->{dir}/copies*";
    my $open   = 0;
    for my $copy (@copies) {
        my ($application, $token) = @$copy;
        $open++ if grep { $_->client->get("/$application/page", Cookie => "$application=$token")->status == 200 } $self->{farm}->ours;
    }
    return (scalar(@copies), $open);
}

# The work of a process of users until it is stopped. Returns a line about each lost session.
sub _work {
    my ($self, $number, $goes_on, @users) = @_;
    srand $number;
    my $one = bless { %$self, number => $number, count => { map { $_ => 0 } COUNTS }, lost => [], copies => [] }, ref $self;
    my @busy = grep { !$_->{is_idle} } @users;
    my $works = eval {
        for my $user (@users) {
            $one->_log_in($user);
            $one->_visit($user, 1);
            $one->_tell;
        }
        while ($goes_on->(PAUSE)) {
            my $user = $busy[rand @busy];
            my $luck = rand;
            if    ($luck < 0.05 && $one->_may_log_out($user)) { $one->_log_out($user) }
            elsif ($luck < 0.5)                               { $one->_visit($user, 1) }
            else                                              { $one->_visit($user) }
            $one->_tell;
        }
        for my $user (grep { defined $_->{token} } @users) {
            $one->_visit($user);
            $one->_log_out($user);
        }
        1;
    };
    push @{ $one->{lost} }, "users $number: $@" if !$works;
    $one->_tell;
    write_file("$self->{dir}/copies$number", join '', map { join("\t", @$_) . "\n" } @{ $one->{copies} });
    return @{ $one->{lost} };
}

sub _may_log_out {
    my ($self, $user) = @_;
    return defined $user->{token} && $self->_is_allowed('logouts') && ($user->{application} ne 'classic' || $self->_is_allowed('classic-logouts'));
}

sub _tell {
    my ($self) = @_;
    my $path = "$self->{dir}/count$self->{number}";
    write_file("$self->{dir}/new-count$self->{number}", join ' ', map { "$_=$self->{count}{$_}" } COUNTS);
    rename "$self->{dir}/new-count$self->{number}", $path or die "$path: $!\n";
    return;
}

sub _log_in {
    my ($self, $user) = @_;
    my $answer = $self->_ask($user, sub { $_[0]->status == 302 && $_[0]->token($user->{application}) },
        'post', "/$user->{application}/login", "httpd_username=$user->{name}&httpd_password=$user->{name}") // return;
    @$user{qw(token told first)} = ($answer->token($user->{application}), 0, $answer->token($user->{application}));
    $self->{count}{logins}++;
    return;
}

# Asks for the page, with another count if `$changes`, and compares the answer with what the
# user was told last.
sub _visit {
    my ($self, $user, $changes) = @_;
    return $self->_log_in($user) if !defined $user->{token};
    my $next   = $user->{told} + 1;
    my $answer = $self->_ask($user, sub { $_[0]->status == 200 && (!$changes || defined $_[0]->token($user->{application})) },
        'get', "/$user->{application}/page", $changes ? ('X-Count' => $next) : ()) // return;
    my $said = $answer->status == 200 ? $answer->body : 'status ' . $answer->status;
    if ($said ne "$user->{name} $user->{told}") {
        $self->{count}{lost}++;
        push @{ $self->{lost} }, "/$user->{application}/ told $user->{name} '$said', and '$user->{name} $user->{told}' before";
        undef $user->{token};
        return;
    }
    $self->{count}{ $user->{application} }++;
    my $token = $answer->token($user->{application});
    $user->{token} = $token if defined $token;
    if ($changes && !defined $token) {
        $self->{count}{lost}++;
        push @{ $self->{lost} }, "/$user->{application}/ did not save what $user->{name} changed";
    }
    elsif ($changes) { $user->{told} = $next }
    return;
}

sub _log_out {
    my ($self, $user) = @_;
    my $had_no_answer = $self->{count}{again};
    my $answer = $self->_ask($user, sub { $_[0]->status == 307 }, 'get', "/$user->{application}/logout") // return;
    # A logout without an answer has perhaps worked.
    if ($answer->status != 307 && $self->{count}{again} == $had_no_answer) {
        $self->{count}{lost}++;
        push @{ $self->{lost} }, "/$user->{application}/ answers the logout of $user->{name} with status " . $answer->status;
        return;
    }
    $self->{count}{logouts}++;
    my $token = delete $user->{token};
    if ($user->{application} ne 'classic') { push @{ $self->{copies} }, map { [$user->{application}, $_] } $token, $user->{first} }
    # Cookies of httpd's own module have no name by which a logout would end all of a session.
    elsif ($self->_is_allowed('classic-logouts')) { push @{ $self->{copies} }, [classic => $token] }
    return;
}

# Asks the balancer until there is an answer that counts. Returns undef for a request whose
# answer is not right, as `$is_right` tells, while the database was away: the user tries later.
sub _ask {
    my ($self, $user, $is_right, $method, $path, @request) = @_;
    my @headers  = defined $user->{token} && $method eq 'get' ? (Cookie => "$user->{application}=$user->{token}") : ();
    my $deadline = time + SECONDS;
    while (time < $deadline) {
        my $outages = read_file("$self->{dir}/outages");
        my $answer  = eval { $self->{farm}->balancer->client->$method($path, @request, @headers) };
        $self->{count}{requests}++;
        if (!$answer || !$answer->status || $answer->status =~ /^50[0234]$/) { $self->{count}{again}++ }
        elsif ($user->{application} eq 'database' && !$is_right->($answer)
            && ($outages % 2 || read_file("$self->{dir}/outages") != $outages)) {
            $self->{count}{away}++;
            return undef;
        }
        else { return $answer }
        $self->_tell;
        sleep 0.1;
    }
    die "no answer to $path within @{[SECONDS]} s\n";
}

1;
