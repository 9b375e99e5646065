package SessionCrypto::Pages;

# The documentation pages, and the parts of them that a test can try with httpd.
#
#   my @pages  = pages();                        # README.md, docs/directives.md, ...
#   my @blocks = blocks($page, 'apache');        # fenced blocks, by what the fence says
#   $_->{text}, $_->{where}                      # its lines; `README.md:25`
#   my @below  = blocks($page, 'sh', $heading);  # those below a heading alone
#   my %field  = directives();                   # name => { Syntax => '...', Context => '...', ... }

use strict;
use warnings;

use Exporter qw(import);
use FindBin  ();

our @EXPORT_OK = qw(blocks directives pages);

my $top = "$FindBin::Bin/..";

sub pages {
    my @paths = ("$top/README.md", glob "$top/docs/*.md $top/docs/*/*.md");
    return map { substr $_, length "$top/" } @paths;
}

# The blocks of a page in order. `info` is the text after the three backquotes.
sub blocks {
    my ($page, $info, $heading) = @_;
    my ($block, $below, @blocks);
    my @lines = lines($page);
    for my $number (1 .. @lines) {
        my $line = $lines[$number - 1];
        if ($block && $line =~ /^\s*```\s*$/) {
            push @blocks, $block if $block->{info} eq $info && (!defined $heading || $block->{below} eq $heading);
            undef $block;
        }
        elsif ($block) { $block->{text} .= $line }
        elsif ($line =~ /^\s*```\s*(.*?)\s*$/) {
            $block = { info => $1, text => '', where => "$page:$number", below => $below // '' };
        }
        elsif ($line =~ /^#+ (.*)$/) { $below = $1 }
    }
    return @blocks;
}

# The table of each directive on its page.
sub directives {
    my ($name, %directives);
    for (lines('docs/directives.md')) {
        if (/^## /) { ($name) = /^## (SessionCrypto\w+)$/ }
        # A bar inside a cell has a backslash before it.
        elsif (defined $name && /^\| ([A-Z]\w+) \| (.*) \|$/) { $directives{$name}{$1} //= $2 =~ s/\\\|/|/gr }
    }
    return %directives;
}

sub lines {
    my ($page) = @_;
    open my $file, '<', "$top/$page" or die "$page: $!\n";
    return <$file>;
}

1;
