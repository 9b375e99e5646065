package SessionCrypto::Browser;

# Chromium without a window, for tests of pages.
#
#   my $browser = SessionCrypto::Browser->new($dir) or skip 'no chromium', 1;
#   $browser->media('prefers-color-scheme' => 'dark');
#   $browser->width(360);
#   $browser->open($url);
#   $browser->run('document.title')       # the value of a JavaScript expression, or of its promise
#   $browser->tree                        # what a screen reader gets: [role, name], in order
#   $browser->complaints                  # what the page did wrong, in Chromium's words
#   $browser->close;
#
# It speaks the DevTools protocol over a pair of pipes, which needs no library. `new` takes
# more words for the command line, after the directory.

use strict;
use warnings;

use Fcntl    qw(F_DUPFD);
use JSON::PP ();
use POSIX    qw(_exit dup2);

use constant SECONDS => 60;

my $json = JSON::PP->new->utf8;

# Returns nothing if there is no chromium.
sub new {
    my ($class, $dir, @words) = @_;
    my ($program) = grep { -x } map { my $path = $_; map { "$path/$_" } qw(chromium chromium-browser google-chrome) }
        split /:/, $ENV{PATH};
    defined $program or return;
    pipe(my $their_in, my $out) or die "pipe: $!\n";
    pipe(my $in, my $their_out) or die "pipe: $!\n";
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        # The numbers are those of the protocol. First both are moved away from them.
        my ($from, $to) = map { fcntl($_, F_DUPFD, 10) } $their_in, $their_out;
        dup2($from, 3);
        dup2($to,   4);
        open STDERR, '>', "$dir/chromium.log";
        # Its own sandbox needs rights that a user of tests may lack. It only sees our pages.
        exec $program, qw(--headless --no-sandbox --disable-gpu --no-first-run --remote-debugging-pipe),
            "--user-data-dir=$dir/chromium", @words, 'about:blank' or _exit(127);
    }
    close $_ for $their_in, $their_out;
    my $self = bless { pid => $pid, in => $in, out => $out, number => 0, complaints => [], loaded => {} }, $class;
    my $target = $self->call('Target.createTarget', url => 'about:blank')->{targetId};
    $self->{session} = $self->call('Target.attachToTarget', targetId => $target, flatten => JSON::PP::true)->{sessionId};
    $self->call("$_.enable") for qw(Page Runtime Log Accessibility);
    $self->call('Page.setLifecycleEventsEnabled', enabled => JSON::PP::true);
    return $self;
}

sub media {
    my ($self, $name, $value) = @_;
    $self->call('Emulation.setEmulatedMedia', features => [{ name => $name, value => $value }]);
    return;
}

sub width {
    my ($self, $width) = @_;
    $self->call('Emulation.setDeviceMetricsOverride',
        width => $width, height => 800, deviceScaleFactor => 1, mobile => JSON::PP::false);
    return;
}

sub open {
    my ($self, $url) = @_;
    my $loader = $self->call('Page.navigate', url => $url)->{loaderId};
    $self->_read until $self->{loaded}{$loader};
    return;
}

sub run {
    my ($self, $expression) = @_;
    my $answer = $self->call('Runtime.evaluate', expression => $expression,
        returnByValue => JSON::PP::true, awaitPromise => JSON::PP::true);
    die "$expression: $answer->{exceptionDetails}{text}\n" if $answer->{exceptionDetails};
    return $answer->{result}{value};
}

sub tree {
    my ($self) = @_;
    my @nodes = @{ $self->call('Accessibility.getFullAXTree')->{nodes} };
    my %node = map { $_->{nodeId} => $_ } @nodes;
    my (@found, @next);
    @next = grep { !defined $_->{parentId} } @nodes;
    while (my $node = shift @next) {
        push @found, [$node->{role}{value} // '', $node->{name}{value} // ''] if !$node->{ignored};
        unshift @next, grep { defined } map { $node{$_} } @{ $node->{childIds} // [] };
    }
    return @found;
}

sub complaints { return @{ $_[0]{complaints} } }

sub close {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return;
    close $self->{$_} for qw(out in);
    # It ends with its pipes.
    local $SIG{ALRM} = sub { kill KILL => $pid };
    alarm SECONDS;
    waitpid $pid, 0;
    alarm 0;
    return;
}

sub DESTROY {
    my ($self) = @_;
    local ($?, $@);
    kill KILL => $self->{pid} if $self->{pid};
    return;
}

# Calls a method, and returns its result.
sub call {
    my ($self, $method, %params) = @_;
    my $number = ++$self->{number};
    my %message = (id => $number, method => $method, params => \%params);
    $message{sessionId} = $self->{session} if defined $self->{session};
    local $SIG{PIPE} = 'IGNORE';
    syswrite $self->{out}, $json->encode(\%message) . "\0";
    my $answer;
    until ($answer = delete $self->{answers}{$number}) { $self->_read }
    die "$method: $answer->{error}{message}\n" if $answer->{error};
    return $answer->{result};
}

# Reads one message.
sub _read {
    my ($self) = @_;
    local $/ = "\0";
    local $SIG{ALRM} = sub { die "chromium is silent\n" };
    alarm SECONDS;
    my $text = readline $self->{in};
    alarm 0;
    defined $text or die "chromium has ended\n";
    chomp $text;
    my $message = $json->decode($text);
    if (defined $message->{id}) {
        $self->{answers}{ $message->{id} } = $message;
        return;
    }
    $self->happened(@$message{qw(method params)});
    return;
}

# Takes an event.
sub happened {
    my ($self, $event, $params) = @_;
    $self->{loaded}{ $params->{loaderId} } = 1 if $event eq 'Page.lifecycleEvent' && $params->{name} eq 'load';
    push @{ $self->{complaints} }, $params->{entry}{text} if $event eq 'Log.entryAdded';
    push @{ $self->{complaints} }, $params->{exceptionDetails}{text} if $event eq 'Runtime.exceptionThrown';
    return;
}

1;
