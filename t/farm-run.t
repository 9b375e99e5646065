# `make farm` loses no session, whatever happens to its servers. It counts the sessions that a
# mistake loses. It leaves neither a process nor a file, also when it is interrupted.

use strict;
use warnings;

use Cwd    qw(abs_path);
use FindBin;
use POSIX  ();
use Test::More;

use SessionCrypto::Httpd    ();
use SessionCrypto::System   qw(read_file);
use SessionCrypto::Waiting  qw(wait_until);

use constant SECONDS => 60;

my $MPM = SessionCrypto::Httpd::env('MPM');
plan skip_all => 'the farm has one MPM: mpm_event' if $MPM ne 'event';

my $TOP  = abs_path("$FindBin::Bin/..");
my $WORK = SessionCrypto::Httpd::env('WORK');
my (%started, $farms);
# A test that dies stops what it has started.
END {
    my $status = $?;
    for my $farm (values %started) { kill TERM => $farm->{pid}; waitpid $farm->{pid}, 0 }
    $? = $status;
}

subtest 'a farm' => sub {
    my $farm = start('--short');
    is(finish($farm), 0, 'ends well') or diag($farm->{text});
    like($farm->{text}, qr/^ +0 sessions lost\n\z/m, 'without a session that is lost');
    like($farm->{text}, qr/^ +0 sessions that came back with one of [1-9]\d* cookies/m, 'and without one that comes back');
    my ($logins, $logouts) = map { $farm->{text} =~ /^ +([1-9]\d*) $_$/m } qw(logins logouts);
    ok($logins && $logins == ($logouts // 0), 'as many users have logged out as in');
    like($farm->{text}, qr/s  $_/, "one of its events: $_") for 'server 2 is dead: kill -9', 'all servers restart gracefully',
        'the new key seals', 'PostgreSQL is stopped', 'Redis is dead', 'htsession rekey has sealed [1-9]\d* rows';
    like($farm->{text}, qr/^ +[1-9]\d* requests asked again/m, 'requests to a server that died are counted');
    like($farm->{text}, qr/^ +[1-9]\d* requests without their session, because the database was away$/m, 'requests that had no database are counted');
    is_gone($farm);
};

subtest 'a farm with mistakes' => sub {
    my $farm = start(qw(--short --mistake no-overlap --mistake no-store));
    is(finish($farm), 1, 'ends with a failure');
    like($farm->{text}, qr/^ +[1-9]\d* sessions lost\n\z/m, 'a roll of keys without overlap loses sessions');
    like($farm->{text}, qr/^lost: .*status 401/m, 'of which it tells what happened');
    like($farm->{text}, qr/^ +[1-9]\d* sessions that came back/m, 'and without a store, sessions come back after a logout');
    is_gone($farm);
};

my %ENDS = (
    'Ctrl-C'                             => sub { kill INT => $_[0]{pid} },
    'the end of its servers\' process'   => sub { kill KILL => child($_[0]) },
    'the death of its own process'       => sub { kill KILL => $_[0]{pid} },
);
for my $end (sort keys %ENDS) {
    subtest $end => sub {
        my $farm = start('--short');
        wait_until(sub { -e $farm->{output} && read_file($farm->{output}) =~ /users log in and work\n.*requests/ }, SECONDS) or BAIL_OUT('no users: ' . read_file($farm->{output}));
        cmp_ok(scalar(processes($farm)), '>', 10, 'the farm has processes');
        $ENDS{$end}->($farm);
        isnt(finish($farm), 0, 'is no success');
        is_gone($farm, $end =~ /own process/);
    };
}

is(finish(my $wrong = start('--mistake', 'none')), 2, 'a mistake that is not known is refused');
like($wrong->{text}, qr/^farm\/run: --mistake none: write one of no-overlap no-store$/m, 'in words');

done_testing;

# Each has a temporary directory of its own, by which its processes are known.
sub start {
    my (@arguments) = @_;
    my $dir = "$WORK/" . ++$farms;
    mkdir $dir or die "$dir: $!\n";
    my $farm = { dir => $dir, output => "$dir/output" };
    $farm->{pid} = fork // die "fork: $!\n";
    if (!$farm->{pid}) {
        open STDOUT, '>', $farm->{output} or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT;
        chdir '/';
        @ENV{qw(MODULE TMPDIR)} = (SessionCrypto::Httpd::env('MODULE'), $dir);
        exec "$TOP/farm/run", @arguments or POSIX::_exit(127);
    }
    $started{$dir} = $farm;
    return $farm;
}

# Waits for the end, and returns the status.
sub finish {
    my ($farm) = @_;
    waitpid $farm->{pid}, 0;
    my $status = $?;
    delete $started{ $farm->{dir} };
    $farm->{text} = read_file($farm->{output});
    return $status & 127 ? 128 + ($status & 127) : $status >> 8;
}

# The processes with its directory on their command line, or that work in it.
sub processes {
    my ($farm) = @_;
    return grep {
        my $line = eval { read_file("$_/cmdline") } // '';
        my $in   = readlink("$_/cwd") // '';
        $line =~ m{\Q$farm->{dir}\E/} || $in =~ m{^\Q$farm->{dir}\E/};
    } glob '/proc/[0-9]*';
}

# The process that has the servers.
sub child {
    my ($farm) = @_;
    my ($child) = grep { (eval { read_file("/proc/$_/stat") } // '') =~ /^\d+ \(.*\) \w $farm->{pid} /s } map { /(\d+)/ } processes($farm);
    return $child // die "no process\n";
}

sub is_gone {
    my ($farm, $leaves_files) = @_;
    ok(wait_until(sub { !processes($farm) }, SECONDS), 'leaves no process') or diag(map { read_file("$_/cmdline") . "\n" } processes($farm));
    is_deeply([grep { !m{/output$} } glob "$farm->{dir}/*"], [], 'and no file') if !$leaves_files;
    return;
}
