package SessionCrypto::Fips;

# OpenSSL's FIPS provider, and the rows of docs/fips.md.
#
#   need_fips();                                   # or skip all tests
#   my $conf = fips_conf($dir);                    # an openssl.cnf in which all is the provider's
#   my $conf = fips_conf($dir, strict => 1);       # ... which refuses all that it can refuse
#   my $conf = fips_conf($dir, broken => 1);       # ... which fails its self test
#   my $conf = fips_conf($dir, missing => 1);      # ... which OpenSSL is told nothing of
#   my $conf = fips_conf($dir, beside => 1);       # the default provider is there as well
#   my $conf = fips_conf($dir, lax => 1);          # no property asks for FIPS
#   my $conf = fips_conf($dir, late => 1);         # a property does, behind the providers
#   my $rows = rows('In the provider');            # id => [cells], of the table below a heading
#
# `local $ENV{OPENSSL_CONF} = $conf` is for what starts then: a server keeps what it has.

use strict;
use warnings;

use Exporter   qw(import);
use FindBin    ();
use Test::More ();

use SessionCrypto::System qw(read_file run write_file);

our @EXPORT_OK = qw(fips_conf need_fips rows);

use constant PACKAGE => 'openssl-provider-fips';

# Skips all tests where the distribution has no such provider. Elsewhere a missing one is a
# failure.
sub need_fips {
    return if -e module();
    my $policy = qx(apt-cache policy ${\PACKAGE} 2>/dev/null);
    Test::More::plan(skip_all => 'no package here has the FIPS provider: Debian 13 has ' . PACKAGE) if $policy !~ /^  Candidate: [0-9]/m;
    die 'no FIPS provider: install ', PACKAGE, "\n";
}

sub module {
    my ($directory) = run(qw(openssl version -m)) =~ /"(.*)"/ or die "openssl names no folder of modules\n";
    return "$directory/fips.so";
}

# Writes the configuration of docs/fips.md, or another one.
sub fips_conf {
    my ($dir, %args) = @_;
    my $name   = join '-', 'fips', sort keys %args;
    my $module = "$dir/$name-module.cnf";
    if (!$args{missing}) {
        run(qw(openssl fipsinstall -quiet), ($args{strict} ? '-pedantic' : ()), '-module', module(), '-out', $module);
    }
    # The sum of another file.
    write_file($module, read_file($module) =~ s/^(module-mac = )\w\w/${1}00/mr) if $args{broken};
    my ($text) = read_file("$FindBin::Bin/../docs/fips.md") =~ /^```ini\n(.*?)^```/ms or die "docs/fips.md has no openssl.cnf\n";
    $text =~ s{/etc/ssl/fipsmodule\.cnf}{$module};
    $text =~ s/^default_properties = .*\n//m                          if $args{lax};
    $text =~ s/^(base = .*\n)/${1}default = base_provider\n/m         if $args{beside};
    $text =~ s/^(alg_section = .*\n)(providers = .*\n)/$2$1/m         if $args{late};
    write_file("$dir/$name.cnf", $text);
    return "$dir/$name.cnf";
}

# The rows of the table below a heading of docs/fips.md, by the ids that they begin with.
sub rows {
    my ($heading) = @_;
    my ($section) = read_file("$FindBin::Bin/../docs/fips.md") =~ /^## \Q$heading\E\n(.*?)(?=^## |\z)/ms or die "docs/fips.md has no '$heading'\n";
    my %rows;
    for my $line ($section =~ /^\| (<a id=.*) \|$/mg) {
        my @cells = split / \| /, $line;
        my ($id) = $cells[0] =~ s/^<a id="([a-z0-9-]+)"><\/a>// ? $1 : die "docs/fips.md: $line\n";
        $rows{$id} = \@cells;
    }
    return \%rows;
}

1;
