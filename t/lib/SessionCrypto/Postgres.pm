package SessionCrypto::Postgres;

# A PostgreSQL of the system, in a process and a directory of the test. It listens on a socket
# in that directory alone.
#
#   my $database = SessionCrypto::Postgres->new;
#   $database->lines;                    # DBDriver and DBDParams
#   $database->query('select 1');        # rows with tabs between their columns
#   $database->stop;  $database->kill;   # as an administrator does, and as a crash does
#   $database->start;
#   local @ENV{qw(PATH PGHOST PGUSER PGDATABASE)} = $database->environment;    # for psql

use strict;
use warnings;

use File::Temp qw(tempdir);
use POSIX      ();

use SessionCrypto::Httpd   ();
use SessionCrypto::System  qw(run write_file);
use SessionCrypto::Waiting qw(wait_until);

use constant { SECONDS => 30, USER => 'httpd', DATABASE => 'postgres' };

my %running;

# The directory with the programs of the newest version, which Debian does not put on the PATH.
# tools/postgres looks in the same places.
sub programs {
    my $taken = ($ENV{SESSION_CRYPTO_POSTGRES} // '') . '/usr/lib/postgresql';
    my @found = sort { ($b =~ /(\d+)/)[0] <=> ($a =~ /(\d+)/)[0] } map { glob "$_/*/bin" } '/usr/lib/postgresql', $taken;
    my ($programs) = grep { -x "$_/initdb" && -x "$_/psql" } @found, glob('/usr/pgsql-*/bin'), '/usr/bin';
    return $programs;
}

sub new {
    my ($class) = @_;
    my $programs = programs() // die "no PostgreSQL on this machine: run tools/deps test\n";
    my $self = bless { programs => $programs, dir => tempdir('pgXXXXXX', DIR => SessionCrypto::Httpd::env('WORK')) }, $class;
    run("$programs/initdb", '-D', $self->data, '-A', 'trust', '-U', USER, '-N', '--no-locale', '-E', 'UTF8');
    return $self->start;
}

sub dir  { return $_[0]{dir} }
sub data { return "$_[0]{dir}/data" }
sub pid  { return $_[0]{pid} }

sub lines {
    my ($self) = @_;
    return qq(DBDriver pgsql\nDBDParams "host=$self->{dir} user=@{[USER]} dbname=@{[DATABASE]}"\n);
}

sub environment {
    my ($self) = @_;
    return ("$self->{programs}:$ENV{PATH}", $self->{dir}, USER, DATABASE);
}

sub start {
    my ($self) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        # Ctrl-C at a terminal is for this program, which then stops the server.
        POSIX::setsid();
        open STDOUT, '>>', "$self->{dir}/log";
        open STDERR, '>&', \*STDOUT;
        # JIT needs libraries that tools/postgres does not take.
        exec "$self->{programs}/postgres", '-D', $self->data, '-k', $self->{dir},
            map { ('-c', $_) } 'listen_addresses=', 'fsync=off', 'jit=off'
            or POSIX::_exit(127);
    }
    $self->{pid} = $pid;
    $running{$pid} = $self;
    wait_until(sub { $self->_answers || $self->_has_ended }, SECONDS) && $self->{pid}
        or die "PostgreSQL does not start: see $self->{dir}/log\n";
    return $self;
}

sub _answers {
    my ($self) = @_;
    return system("$self->{programs}/pg_isready -q -h '$self->{dir}'") == 0;
}

sub _has_ended {
    my ($self) = @_;
    return 0 if waitpid($self->{pid}, POSIX::WNOHANG) != $self->{pid};
    delete $running{ delete $self->{pid} };
    return 1;
}

# A "fast" stop: it ends all connections, and rolls back what is under way.
sub stop { return $_[0]->_end('INT') }

# An "immediate" stop: the next start recovers, as after a crash.
sub kill { return $_[0]->_end('QUIT') }

sub _end {
    my ($self, $signal) = @_;
    my $pid = delete $self->{pid} // return;
    CORE::kill($signal => $pid);
    waitpid $pid, 0;
    delete $running{$pid};
    return;
}

sub query {
    my ($self, $sql) = @_;
    # Not the arguments: a list of them has a limit.
    write_file("$self->{dir}/query", $sql);
    my $said = run("$self->{programs}/psql", qw(-X -q -At -v ON_ERROR_STOP=1 -F), "\t", '-h', $self->{dir}, '-U', USER, '-d', DATABASE,
        '-f', "$self->{dir}/query");
    return split /\n/, $said;
}

END {
    my $status = $?;
    $_->kill for values %running;
    $? = $status;
}

1;
