# Sessions stay in their realm, whichever way httpd leads a request from one realm to
# another: nobody becomes another user, no session leaves in clear or is shown, and
# users stay logged in.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(time);

use SessionCrypto::Realms ();

# The last of these sites pair fewer realms, because their sessions go the same way:
# those saved for their age as those that changed, those in a database as those in
# cookies.
my @FEW   = qw(clear one alike author clear-off);
my @SOME  = qw(clear one author shop cert clear-off author-off);
my @SITES = (
    { module => 'ours', store => 'cookie',   cipher => 'aes256' },
    { module => 'ours', store => 'cookie',   cipher => 'aes-256-gcm', max_age => 1, realms => \@FEW },
    { module => 'ours', store => 'cookie',   cipher => 'aes-256-gcm', lifetime => 1, realms => \@SOME },
    { module => 'ours', store => 'database', cipher => 'aes-256-gcm', realms => \@SOME },
    { module => 'ours', store => 'database', cipher => 'aes256', max_age => 1, realms => \@FEW },
    { module => 'c',    store => 'cookie',   cipher => 'aes256', realms => \@FEW },
    { module => 'c',    store => 'database', cipher => 'aes256', realms => [qw(clear one clear-off)] },
);

note('this httpd has no module for: ', $_->{name}) for SessionCrypto::Realms::missing();
for my $settings (@SITES) {
    my $site  = SessionCrypto::Realms->new(%$settings)->start;
    my $begin = time;
    $settings->{module} eq 'ours' ? holds($site) : records($site);
    note(sprintf '%s: %.1f s', $site->name, time - $begin);
    $site->httpd->stop;
    my $log = $site->httpd->log;
    if ($settings->{module} eq 'ours') {
        $log->expect(qr/\[session_crypto:info\] .*\[client /, 'a session of another realm');
        $log->expect(qr/AH01630|AH01276/, 'ErrorDocument 403');
        $log->clean;
    }
    else {
        is(scalar(() = $log->lines(qr/exit signal/)), 0, 'the C module: no child crashed');
    }
}

done_testing;

sub cases {
    my ($site) = @_;
    my $only = $ENV{CASES};
    return grep { !defined $only || $_->{name} =~ /$only/ } map { $site->cases($_) } $site->cells;
}

sub holds {
    my ($site) = @_;
    subtest $site->name => sub {
        for my $case (cases($site)) {
            my @wrong = $site->wrong($case);
            ok(!@wrong, $case->{name}) or diag($site->name, "\n", map { "$_->[0]: $_->[1]\n" } @wrong);
            note($case->{answer}) if defined $ENV{CASES};
        }
    };
    return;
}

# Records what the C module does, for the list of differences in docs/differences.md.
sub records {
    my ($site) = @_;
    my (%count, %wrong, @ways);
    for my $case (cases($site)) {
        my ($way, $kind) = ($case->{cell}{name}, $case->{kind});
        push @ways, $way if !$count{$way};
        $count{$way}{$kind}++;
        my %seen = map { $_->[0] => 1 } $site->wrong($case);
        $wrong{$way}{$kind}{$_}++ for keys %seen;
    }
    note($site->name, ', of so many cases:');
    for my $way (@ways) {
        my @kinds = grep { $wrong{$way}{$_} } sort keys %{ $count{$way} };
        my @words = map {
            my $wrong = $wrong{$way}{$_};
            "with $_: " . join(', ', map { "$_ $wrong->{$_}" } sort keys %$wrong) . " of $count{$way}{$_}"
        } @kinds;
        note("  $way: ", join('; ', @words) || 'as it should be');
    }
    pass('the C module went through the table');
    return;
}
