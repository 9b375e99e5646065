package SessionCrypto::Differences;

# The rows of docs/differences.md, each with its id, and which of them a test has reached.
#
#   my $differences = SessionCrypto::Differences->new;
#   $differences->is_row('base64') or die;           # whether the page has such a row
#   $differences->reach('base64');                   # a case has shown it
#   $differences->all_are_reached;                   # asserts it
#   $differences->are_reached(qw(base64 old-key));   # the same of some
#
# A row begins with `<a id="base64"></a>`.

use strict;
use warnings;

use FindBin    ();
use Test::More ();

use SessionCrypto::System qw(read_file);

use constant PAGE => 'docs/differences.md';

# Asserts that each row has an id of its own.
sub new {
    my ($class) = @_;
    my (%rows, @wrong);
    for my $line (split /\n/, read_file("$FindBin::Bin/../" . PAGE)) {
        my @cells = $line =~ /^\| (.*) \|$/ ? split(/ \| /, $1) : next;
        next if $cells[0] eq 'Matter' || $line =~ /^\|(?:---\|)+$/;
        my ($id) = $cells[0] =~ /^<a id="([a-z0-9-]+)"><\/a>/;
        push @wrong, $line if @cells != 3 || !defined $id || exists $rows{$id};
        $rows{ $id // '' } = 0;
    }
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::is_deeply(\@wrong, [], PAGE . ': ' . keys(%rows) . ' rows, each with an id of its own');
    return bless { rows => \%rows }, $class;
}

sub is_row { return exists $_[0]{rows}{ $_[1] } }

sub reach {
    my ($self, $id) = @_;
    $self->is_row($id) or die PAGE, " has no row '$id'\n";
    $self->{rows}{$id}++;
    return;
}

sub count { return $_[0]{rows}{ $_[1] } }

sub all_are_reached {
    my ($self) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return $self->are_reached(keys %{ $self->{rows} });
}

sub are_reached {
    my ($self, @ids) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return Test::More::is_deeply([sort grep { !$self->{rows}{$_} } @ids], [], 'a case reaches each of ' . @ids . ' rows');
}

1;
