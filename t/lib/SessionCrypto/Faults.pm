package SessionCrypto::Faults;

# The Nth call that the module makes of its host fails: t/faults/nth.c.
#
#   my $faults = SessionCrypto::Faults->new;
#   $faults->preloaded(sub { $httpd->start });     # a server whose calls can fail, in haste
#   for my $class ($faults->classes) {
#       $faults->arm($class, 3);                   # the third call from now on
#       $faults->arm($class, 3, onwards => 1);     # and all later ones
#       $faults->arm($class, 3, only => $pid);     # of one process; -$pid: of all others
#       my $name = $faults->disarm;                # the function that failed, or undef
#   }
#
#   # Work in which each call fails, or a sample of so many unless that is 0; returns how
#   # many did.
#   $faults->each_call($class, $most, sub { my ($nth) = @_; ...; return @wrong });
#
# SESSION_CRYPTO_FULL=1 takes no sample, and SESSION_CRYPTO_CLASSES names the only classes.

use strict;
use warnings;

use Fcntl      qw(O_CREAT O_RDWR SEEK_SET);
use FindBin    ();
use Test::More ();

use SessionCrypto::Httpd  ();
use SessionCrypto::System qw(run);

# The classes of nth.c.
my %CLASS = (openssl => 1, memory => 2, random => 4, files => 8, system => 16, rust => 32);

# `struct orders` of nth.c; the first word begins to count.
use constant { FORMAT => 'L L L l L L L Z64', LENGTH => 92, WORD => 4 };

# No work makes more calls of one class.
use constant MAX_CALLS => 100_000;

sub new {
    my ($class) = @_;
    my $dir  = SessionCrypto::Httpd->new(name => 'faults-nth')->dir;
    my $self = bless { library => "$dir/nth.so", path => "$dir/orders" }, $class;
    run($ENV{CC} // 'cc', '-Wall', '-O1', '-shared', '-fPIC', '-o', $self->{library}, "$FindBin::Bin/faults/nth.c", '-lcrypto');
    chmod 0755, $self->{library} or die "$self->{library}: $!\n";
    sysopen $self->{file}, $self->{path}, O_RDWR | O_CREAT or die "$self->{path}: $!\n";
    $self->_write(0, pack FORMAT, (0) x 7, '');
    return $self;
}

# The classes that must do no harm; `rust` ends the process.
sub classes { return split ' ', $ENV{SESSION_CRYPTO_CLASSES} // 'files memory openssl random system' }

# Runs a program, or starts a server, whose calls can fail. It cuts the rounds of PBKDF2,
# unless it is `steady`: then others can make its tokens. `with` names more libraries.
sub preloaded {
    my ($self, $work, %args) = @_;
    local $ENV{LD_PRELOAD}            = join ' ', $self->{library}, $args{with} // ();
    local $ENV{SESSION_CRYPTO_HASTE}  = $args{steady} ? undef : 1;
    delete $ENV{SESSION_CRYPTO_HASTE} if $args{steady};
    local $ENV{SESSION_CRYPTO_FAULTS} = $self->{path};
    return $work->();
}

sub arm {
    my ($self, $class, $nth, %args) = @_;
    $self->_write(0, pack FORMAT, 0, $nth, $args{onwards} // 0, $args{only} // 0, 0, 0, ++$self->{round}, '');
    $self->_write(0, pack 'L', $CLASS{$class} // die "no class $class\n");
    return;
}

# Lets nothing fail any more. Returns the name of the first call that has failed, and in a
# list the number of calls before.
sub disarm {
    my ($self) = @_;
    $self->_write(0, pack 'L', 0);
    my (undef, undef, undef, undef, $count, $failed, undef, $name) = unpack FORMAT, $self->_read;
    $name = undef if !$failed;
    return wantarray ? ($name, $count) : $name;
}

# The number of calls of a class that have failed since `arm`.
sub failed { return (unpack FORMAT, $_[0]->_read)[5] }

# Has each call of a class fail once in some work, or a sample of them. The work arms, and
# returns the name of the call, or nothing if no call has failed; and what is wrong.
sub each_call {
    my ($self, $class, $most, $work) = @_;
    my ($count, $nth, %names, @wrong) = (0, 1);
    my $step = 1;
    if ($most && !$ENV{SESSION_CRYPTO_FULL}) {
        $work->(0);
        my (undef, $calls) = $self->disarm;
        $step = 1 + int(($calls - 1) / $most) if $calls > $most;
    }
    for (; $nth <= MAX_CALLS; $nth += $step) {
        my ($name, @said) = $work->($nth);
        push @wrong, map { "call $nth, " . ($name // 'none') . ": $_" } grep { $_ } @said;
        last if !defined $name;
        $names{$name}++;
        $count++;
    }
    Test::More::diag($_) for @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)];
    return { count => $count, calls => $nth - 1, names => \%names, wrong => scalar @wrong };
}

sub _write {
    my ($self, $offset, $bytes) = @_;
    sysseek $self->{file}, $offset, SEEK_SET or die "$self->{path}: $!\n";
    syswrite($self->{file}, $bytes) == length $bytes or die "$self->{path}: $!\n";
    return;
}

sub _read {
    my ($self) = @_;
    sysseek $self->{file}, 0, SEEK_SET or die "$self->{path}: $!\n";
    sysread($self->{file}, my $bytes, LENGTH) == LENGTH or die "$self->{path}: too short\n";
    return $bytes;
}

1;
