package SessionCrypto::Planted;

# A build of the module that panics where a test wants it: core/src/panics/planted.rs.
#
#   my $planted = SessionCrypto::Planted->new($dir);
#   local $ENV{SESSION_CRYPTO_PANIC} = $planted->file;      # where a server starts
#   my %passed = $planted->passed(sub { ... });             # 'PLACE MOMENT' => how often
#   my $has_come = $planted->plant('PLACE MOMENT 1', sub { ... });
#   SessionCrypto::Planted::entries();                      # what must have a guard
#   SessionCrypto::Planted::locks();                        # { place => .., lock => its name }
#
# A place is `src/ffi/entries.rs:60`. An entry has a name, and the lines from which a place is
# its own.

use strict;
use warnings;

use File::Find ();

use SessionCrypto::Httpd  ();
use SessionCrypto::System qw(read_file write_file);

sub new {
    my ($class, $dir) = @_;
    my $module = module();
    -e $module or die "no module with planted panics: run `make planted-panics`\n";
    return bless { file => "$dir/panic" }, $class;
}

sub module { return SessionCrypto::Httpd::env('PLANTED_PANICS') }
sub file   { return $_[0]{file} }

# The places that some work passes.
sub passed {
    my ($self, $work) = @_;
    my $passed = "$self->{file}.passed";
    write_file($passed, '');
    chmod 0666, $passed;
    write_file($self->{file}, "list\n");
    $work->();
    unlink $self->{file};
    my %count;
    $count{$_}++ for split /\n/, read_file($passed);
    unlink $passed;
    return %count;
}

# Whether the panic has come that is awaited.
sub has_come { return !-e $_[0]{file} }

# Whether the panic comes while some work is done.
sub plant {
    my ($self, $line, $work) = @_;
    write_file($self->{file}, "$line\n");
    $work->();
    my $has_come = !-e $self->{file};
    unlink $self->{file};
    return $has_come;
}

# The functions that C calls, and the other places with a guard.
sub entries {
    my @entries;
    # The guard itself is none.
    for my $file (grep { $_ ne 'src/ffi/guard.rs' } sources()) {
        my ($entry, $is_marked, $is_transparent);
        each_line($file, sub {
            my ($line) = @_;
            $entry->{to} = $. if $entry;
            if ($line =~ /^\}/) { undef $entry }
            elsif ($line =~ /\bextern "C" fn (\w+)/) {
                push @entries, $entry = { name => "$file: $1", file => $file, from => $., to => $. };
            }
            # The place of a function that is so marked is that of its caller.
            elsif ($line =~ /track_caller/) { $is_marked = 1 }
            elsif ($line =~ /\bfn \w+/) { ($is_transparent, $is_marked) = ($is_marked, 0) }
            elsif (!$entry && !$is_transparent && $line =~ /\b(?:guard|catch|catch_unwind)\(/) {
                push @entries, { name => "$file:$.", file => $file, from => $., to => $. };
            }
        });
    }
    return @entries;
}

sub locks {
    my @locks;
    for my $file (sources()) {
        each_line($file, sub { push @locks, { place => "$file:$.", lock => $1 } if $_[0] =~ /\blocks::(?:lock|read|write)\(&?(?:self\.)?(\w+)/ });
    }
    return @locks;
}

# The lines of a file that are code, up to its unit tests. $. has their numbers.
sub each_line {
    my ($file, $work) = @_;
    open my $source, '<', SessionCrypto::Httpd::env('SOURCE') . "/$file" or die "$file: $!\n";
    while (my $line = <$source>) {
        last if $line =~ /^mod tests/;
        $work->($line) if $line !~ m{^\s*//};
    }
    return;
}

# The files with the code, as the compiler names them.
sub sources {
    my $top = SessionCrypto::Httpd::env('SOURCE');
    my @files;
    File::Find::find({ no_chdir => 1, wanted => sub { push @files, $_ if /\.rs\z/ } }, $top);
    return sort grep { !m{^core/src/panics/} } map { s{^\Q$top\E/}{}r =~ s{^\./}{}r } @files;
}

1;
