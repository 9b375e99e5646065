package SessionCrypto::StoreProxy;

# A store between an agent and a store, in a process of its own, which breaks one answer.
#
#   my $proxy = SessionCrypto::StoreProxy->new($store, $dir);
#   $proxy->url;                        # TLS goes through, to a store that has it
#   $proxy->drop;                       # all connections end
#   $proxy->fault;                      # the file that says what breaks: '3 cut'
#
# The file has the number of an answer, counted from now on, and what comes in its place. It is
# gone when that has happened. An answer is what the store sends at once; it may be one to
# several commands.
#
#   cut       half of it; then the connection ends
#   end       nothing, and the connection ends
#   error     an error; `full`, `readonly` and `login` are errors that stores have
#   integer list map nothing text   an answer of another type
#   junk      what is no answer
#   twice     the answer, and once more the answer
#   silence   nothing more, ever

use strict;
use warnings;

use IO::Select         ();
use IO::Socket::INET   ();
use POSIX              ();

use SessionCrypto::System qw(read_file write_file);

our %INSTEAD = (
    error    => "-ERR broken\r\n",
    full     => "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    readonly => "-READONLY You can't write against a read only replica.\r\n",
    login    => "-NOAUTH Authentication required.\r\n",
    integer  => ":7\r\n",
    list     => "*1\r\n*1\r\n:1\r\n",
    map      => "%1\r\n+a\r\n_\r\n",
    nothing  => "_\r\n",
    text     => "\$3\r\nabc\r\n",
    junk     => "HTTP/1.1 400 Bad Request\r\n\r\n",
);

my @running;

sub kinds { return (qw(cut end twice silence), sort keys %INSTEAD) }

sub new {
    my ($class, $store, $dir) = @_;
    my $listener = IO::Socket::INET->new(Listen => 10, LocalAddr => '127.0.0.1', LocalPort => 0) or die "no port: $!\n";
    my $port = $listener->sockport;
    my $self = bless { port => $port, fault => "$dir/answer-$port", drop => "$dir/drop-$port", store => $store }, $class;
    my $pid  = fork // die "fork: $!\n";
    if (!$pid) {
        $SIG{TERM} = 'DEFAULT';
        $SIG{PIPE} = 'IGNORE';
        serve($listener, $store->port, @$self{qw(fault drop)});
        POSIX::_exit(0);
    }
    push @running, $pid;
    return $self;
}

sub url   { my ($self) = @_; return $self->{store}->url =~ s/\d+\z/$self->{port}/r }
sub fault { return $_[0]{fault} }

sub drop {
    my ($self) = @_;
    write_file($self->{drop}, '');
    return;
}

sub serve {
    my ($listener, $port, $fault, $drop) = @_;
    my $select = IO::Select->new($listener);
    # Each socket's other one; those of the store; and those that are silent.
    my (%other, %is_store, %is_silent);
    while (1) {
        if (-e $drop) {
            my @all = grep { $_ != $listener } $select->handles;
            $select->remove(@all);
            close $_ for @all;
            unlink $drop;
        }
        for my $socket ($select->can_read(0.05)) {
            if ($socket == $listener) {
                my $client = $listener->accept or next;
                my $store  = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) or next;
                @other{ $client, $store } = ($store, $client);
                $is_store{$store} = 1;
                $select->add($client, $store);
                next;
            }
            my $other = $other{$socket} or next;
            my $read  = sysread $socket, my ($bytes), 1 << 16;
            my $kind  = $read && $is_store{$socket} ? broken($fault) : undef;
            $is_silent{$socket} = 1 if ($kind // '') eq 'silence';
            next if $is_silent{$socket} && $read;
            $bytes = $INSTEAD{$kind} // { cut => substr($bytes, 0, length($bytes) / 2), end => '', twice => $bytes x 2 }->{$kind} if defined $kind;
            syswrite $other, $bytes if $read && length $bytes;
            next if $read && ($kind // '') !~ /\A(?:cut|end)\z/;
            delete @other{ $socket, $other };
            for ($socket, $other) { $select->remove($_); close $_ }
        }
    }
}

# The text in place of this answer.
sub broken {
    my ($fault) = @_;
    return undef if !-e $fault;
    my ($count, $kind) = split ' ', read_file($fault);
    return undef if !defined $kind;
    if ($count > 1) { write_file($fault, $count - 1 . " $kind\n") }
    else            { unlink $fault }
    return $count > 1 ? undef : $kind;
}

END {
    my $status = $?;
    kill KILL => @running;
    waitpid $_, 0 for @running;
    $? = $status;
}

1;
